# What must be there, and what may be there. Nothing is downloaded.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(BLAS REQUIRED)
find_package(LAPACK REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
if(NORMDESCENT_PROGRAM)
  find_package(CLI11 2.1 REQUIRED)
endif()

set(NORMDESCENT_HAVE_TORCH OFF)
if(NOT NORMDESCENT_TORCH STREQUAL "OFF")
  find_package(Torch QUIET)
  if(Torch_FOUND)
    set(NORMDESCENT_HAVE_TORCH ON)
  elseif(NORMDESCENT_TORCH STREQUAL "ON")
    message(FATAL_ERROR "NORMDESCENT_TORCH=ON, but LibTorch was not found (Debian: libtorch-dev; or set Torch_DIR)")
  endif()
endif()

# oneDNN multiplies the matrices of the GPT, in the program and in the adapter.
# Found by file: the CMake package of Debian's libdnnl-dev also asks for OpenCL, which is not needed here.
if(NORMDESCENT_PROGRAM OR NORMDESCENT_HAVE_TORCH)
  find_path(NORMDESCENT_DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp REQUIRED)
  find_library(NORMDESCENT_DNNL_LIBRARY dnnl REQUIRED)
endif()
message(STATUS "normdescent ${PROJECT_VERSION}: LibTorch adapter ${NORMDESCENT_HAVE_TORCH}")
