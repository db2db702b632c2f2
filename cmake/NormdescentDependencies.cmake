# What must be there, and what may be there. Nothing is downloaded.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(BLAS REQUIRED)
find_package(LAPACK REQUIRED)
find_package(Boost 1.74 CONFIG REQUIRED) # headers of Boost.Math (Debian: libboost-math-dev)
find_package(nlohmann_json 3.11 REQUIRED)
if(NORMDESCENT_PROGRAM)
  find_package(CLI11 2.1 REQUIRED)
  find_path(NORMDESCENT_UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
  find_library(NORMDESCENT_UTF8PROC_LIBRARY utf8proc REQUIRED)
endif()

set(NORMDESCENT_HAVE_TORCH OFF)
if(NOT NORMDESCENT_TORCH STREQUAL "OFF")
  # That of a torch wheel (torch.utils.cmake_prefix_path): C++20 headers, C++11 ABI.
  find_package(Torch 2.7 QUIET)
  if(Torch_FOUND)
    set(NORMDESCENT_HAVE_TORCH ON)
  elseif(NORMDESCENT_TORCH STREQUAL "ON")
    message(FATAL_ERROR "NORMDESCENT_TORCH=ON, but no LibTorch of 2.7 or newer was found: set\n  CMAKE_PREFIX_PATH to what python -c 'import torch; print(torch.utils.cmake_prefix_path)' prints")
  endif()
endif()

# oneDNN multiplies bfloat16 matrices: optional for the library (without it BLAS multiplies rounded float32), required by
# the GPT of the program and the adapter.
# Found by file: the CMake package of Debian's libdnnl-dev also asks for OpenCL, which is not needed here.
set(NORMDESCENT_DNNL AUTO CACHE STRING "oneDNN for bfloat16 products: ON, OFF, AUTO (if found)")
set_property(CACHE NORMDESCENT_DNNL PROPERTY STRINGS AUTO ON OFF)
set(NORMDESCENT_HAVE_DNNL OFF)
if(NOT NORMDESCENT_DNNL STREQUAL "OFF")
  find_path(NORMDESCENT_DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
  find_library(NORMDESCENT_DNNL_LIBRARY dnnl)
  if(NORMDESCENT_DNNL_INCLUDE_DIR AND NORMDESCENT_DNNL_LIBRARY)
    set(NORMDESCENT_HAVE_DNNL ON)
  endif()
endif()
if(NOT NORMDESCENT_HAVE_DNNL AND (NORMDESCENT_DNNL STREQUAL "ON" OR NORMDESCENT_PROGRAM OR NORMDESCENT_HAVE_TORCH))
  message(FATAL_ERROR "oneDNN was not found (Debian: libdnnl-dev); only the library alone builds without it "
    "(NORMDESCENT_PROGRAM=OFF NORMDESCENT_TORCH=OFF)")
endif()
# LibTorch exports names of the oneDNN inside it; a program's own oneDNN must be looked through first, or its products fail.
set(NORMDESCENT_BEFORE_TORCH "")
if(NORMDESCENT_HAVE_TORCH AND NORMDESCENT_HAVE_DNNL)
  set(NORMDESCENT_BEFORE_TORCH "SHELL:-Wl,--push-state,--no-as-needed ${NORMDESCENT_DNNL_LIBRARY} -Wl,--pop-state")
endif()
message(STATUS "normdescent ${PROJECT_VERSION}: LibTorch adapter ${NORMDESCENT_HAVE_TORCH}, oneDNN ${NORMDESCENT_HAVE_DNNL}")
