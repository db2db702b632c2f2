# Script: writes text files as constants of one C++ source.
#   cmake -DOUTPUT=x.cpp -DHEADER=x.hpp -DNAMESPACE=a::b "-DENTRIES=kName=path;kOther=" -P EmbedText.cmake
# An entry without a path is an empty text.
set(source "// Generated from web/ by cmake/EmbedText.cmake.\n#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\n")
foreach(entry IN LISTS ENTRIES)
  string(REGEX MATCH "^([A-Za-z]+)=(.*)$" matched "${entry}")
  set(name ${CMAKE_MATCH_1})
  set(text "")
  if(CMAKE_MATCH_2)
    file(READ "${CMAKE_MATCH_2}" text)
    string(FIND "${text}" ")normdescent\"" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "${CMAKE_MATCH_2} holds the end of a raw string")
    endif()
  endif()
  string(APPEND source "const char* const ${name} = R\"normdescent(${text})normdescent\";\n")
endforeach()
string(APPEND source "\n}  // namespace ${NAMESPACE}\n")
file(WRITE "${OUTPUT}" "${source}")
