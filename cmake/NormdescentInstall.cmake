# find_package(normdescent) gives normdescent::normdescent, normdescent::testing and, where LibTorch was there at build
# time, normdescent::torch. The program is installed too.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/normdescent)

install(TARGETS normdescent normdescent_testing EXPORT normdescentTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT normdescentTargets NAMESPACE normdescent:: DESTINATION ${package_dir})
foreach(room IN ITEMS base linalg norms rules optimizers problem io theory lab probe predict race testing)
  install(DIRECTORY include/normdescent/${room} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/normdescent OPTIONAL)
endforeach()

# A second export, so that a consumer without LibTorch can still use the first.
if(NORMDESCENT_HAVE_TORCH)
  install(TARGETS normdescent_torch normdescent_gpt EXPORT normdescentTorchTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT normdescentTorchTargets NAMESPACE normdescent:: DESTINATION ${package_dir})
  install(DIRECTORY include/normdescent/gpt include/normdescent/torch DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/normdescent)

  # With its library beside it.
  install(DIRECTORY python/normdescent DESTINATION ${NORMDESCENT_PYTHON_DIR}
    FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
  install(TARGETS normdescent_torch_operators LIBRARY DESTINATION ${NORMDESCENT_PYTHON_DIR}/normdescent)
endif()

if(NORMDESCENT_PROGRAM)
  install(TARGETS normdescent_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/normdescentConfig.cmake.in
  ${PROJECT_BINARY_DIR}/normdescentConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/normdescentConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/normdescentConfig.cmake ${PROJECT_BINARY_DIR}/normdescentConfigVersion.cmake
  DESTINATION ${package_dir})
