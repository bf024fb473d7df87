# How a module of src/ is built: one static library `pipelined_<name>` from all its .cc files.
#
#   pipelined_module(engine DEPENDS model lifecycle PRIVATE_LIBS PkgConfig::PQXX)
#
# DEPENDS names modules, and is what tests/structure checks includes against. PRIVATE_LIBS are third-party libraries that
# stay behind this module's door.
set(PIPELINED_SANITIZE "" CACHE STRING "Sanitizers to build with, as given to -fsanitize=")
option(PIPELINED_FUZZ "Build the libFuzzer targets" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  # What precompiled headers need.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
find_program(MOLD ld.mold)
if(MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
if(PIPELINED_SANITIZE)
  add_compile_options(-fsanitize=${PIPELINED_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PIPELINED_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)  # g++ 12 sees it in the instrumented code of std::variant and std::regex
  endif()
endif()
if(PIPELINED_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

function(pipelined_module name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PRIVATE_LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT sources)  # headers alone
    add_library(pipelined_${name} INTERFACE)
    target_include_directories(pipelined_${name} INTERFACE ${CMAKE_SOURCE_DIR}/include)
    list(TRANSFORM ARG_DEPENDS PREPEND pipelined_)
    target_link_libraries(pipelined_${name} INTERFACE fmt::fmt ${ARG_DEPENDS})
    return()
  endif()
  add_library(pipelined_${name} STATIC ${sources})
  target_include_directories(pipelined_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(pipelined_${name} PUBLIC fmt::fmt Threads::Threads PRIVATE ${ARG_PRIVATE_LIBS})
  foreach(dependency ${ARG_DEPENDS})
    target_link_libraries(pipelined_${name} PUBLIC pipelined_${dependency})
  endforeach()
endfunction()

# GoogleMock costs a second in each file: it is read once. Programs of src/ have no such header, so that each of their files
# still includes what it uses.
function(precompile_gmock name)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # clang wants the same definitions and sanitizers to the letter
    if(NOT TARGET pipelined_gmock)
      file(WRITE ${CMAKE_BINARY_DIR}/gmock.cc "")
      add_executable(pipelined_gmock ${CMAKE_BINARY_DIR}/gmock.cc)  # a program as they are: compiled with the same options
      target_link_libraries(pipelined_gmock PRIVATE GTest::gmock GTest::gmock_main Threads::Threads fmt::fmt)
      target_precompile_headers(pipelined_gmock PRIVATE <gmock/gmock.h> <gtest/gtest.h> <fmt/format.h> <functional> <map>
        <optional> <set> <variant>)
    endif()
    target_precompile_headers(${name} REUSE_FROM pipelined_gmock)
    # g++ 12 finds these in <string> when it was read this way.
    target_compile_options(${name} PRIVATE -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endfunction()

# One test program per folder of tests/: pipelined_test(unit_engine DIR unit/engine MODULES engine LABELS unit)
function(pipelined_test name)
  cmake_parse_arguments(ARG "" "DIR" "MODULES;LABELS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${ARG_DIR}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests ${CMAKE_SOURCE_DIR}/src)
  foreach(module ${ARG_MODULES})
    target_link_libraries(${name} PRIVATE pipelined_${module})
  endforeach()
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gmock_main)
  target_compile_definitions(${name} PRIVATE PIPELINED_SOURCE_DIR="${CMAKE_SOURCE_DIR}" PIPELINED_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
  precompile_gmock(${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600
    ENVIRONMENT "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/lsan.supp")
endfunction()
