# Flags for our own targets only; consumers inherit none of them.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(NORMDESCENT_CCACHE ccache)
if(NORMDESCENT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${NORMDESCENT_CCACHE})
endif()

add_library(normdescent_flags INTERFACE)
# No implicit contraction: sign methods must agree bit for bit between executors and instruction sets.
target_compile_options(normdescent_flags INTERFACE -ffp-contract=off -Wall -Wextra -Wpedantic)
if(NORMDESCENT_DEVELOPER)
  target_compile_options(normdescent_flags INTERFACE -Werror -Wshadow -Wconversion -Wno-sign-conversion)
  # g++ 12 warns falsely about std::string's operator+ and insert (GCC bug 105651).
  target_compile_options(normdescent_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
endif()

# ./run builds many files at once (CMAKE_UNITY_BUILD), in half the time: most of a small file's is its headers'. Then types of
# anonymous namespaces are warned of where they are members, because g++ takes every file but the first for a header.
if(CMAKE_UNITY_BUILD)
  target_compile_options(normdescent_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()

# For what computes little itself: a third less to compile.
add_library(normdescent_light INTERFACE)
target_compile_options(normdescent_light INTERFACE $<$<CONFIG:Release>:-O1>)

set(NORMDESCENT_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")
if(NORMDESCENT_SANITIZE)
  target_compile_options(normdescent_flags INTERFACE -fsanitize=${NORMDESCENT_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(normdescent_flags INTERFACE -fsanitize=${NORMDESCENT_SANITIZE})
endif()

option(NORMDESCENT_FUZZ "Build the targets of tests/fuzz with libFuzzer (clang)" OFF)
if(NORMDESCENT_FUZZ)
  target_compile_options(normdescent_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
