# How the rooms declare what they hold.
#
#   pollux_library(NAME [DATAPATH] SOURCES a.cc ... DEPS ...)   DATAPATH: no exceptions
#   pollux_program(NAME SOURCES main.cc ... DEPS ...)           lands in bin/
#   pollux_test(NAME LABEL unit|packet|integration|conformance|fuzz-regression
#               SOURCES x_test.cc ... DEPS ... [TIMEOUT seconds] [SERIAL])
#   pollux_fuzz(NAME CORPUS dir SOURCES x_fuzz.cc DEPS ...)     libFuzzer target under POLLUX_FUZZ;
#               everywhere else a test that replays the committed corpus (fuzz-regression)

# No new compile flags reach the targets from the environment in between: keep the order
# flags, dependencies, march.
set(POLLUX_ROOMS "${CMAKE_SOURCE_DIR}/(cni|control|dataplane|docs|perf|policy|test|vhost)/")
function(pollux_settings target)
  target_link_libraries(${target} PRIVATE pollux_flags pollux_march)
  if(POLLUX_TIDY)
    set_target_properties(${target} PROPERTIES CXX_CLANG_TIDY
      "${POLLUX_CLANG_TIDY};--quiet;-p;${CMAKE_BINARY_DIR};--header-filter=${POLLUX_ROOMS}")
  endif()
endfunction()

function(pollux_library name)
  cmake_parse_arguments(ARG "DATAPATH" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
  pollux_settings(${name})
  if(ARG_DATAPATH)
    target_compile_options(${name} PRIVATE -fno-exceptions)
  endif()
endfunction()

function(pollux_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  pollux_settings(${name})
endfunction()

function(pollux_test name)
  cmake_parse_arguments(ARG "SERIAL" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  pollux_settings(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
  add_test(NAME ${name} COMMAND ${name})
  pollux_test_properties(${name} LABEL "${ARG_LABEL}" TIMEOUT "${ARG_TIMEOUT}" SERIAL ${ARG_SERIAL})
endfunction()

# For tests that are scripts: add_test() first, then this.
function(pollux_test_properties name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT;SERIAL" "" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT}
                       SKIP_RETURN_CODE 77)
  if(ARG_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

function(pollux_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;DEPS" ${ARGN})
  if(POLLUX_FUZZ)
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE ${ARG_DEPS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    pollux_settings(${name})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  else()
    add_executable(${name} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/test/fuzz/replay_main.cc)
    target_link_libraries(${name} PRIVATE ${ARG_DEPS})
    pollux_settings(${name})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
    add_test(NAME ${name} COMMAND ${name} ${ARG_CORPUS})
    pollux_test_properties(${name} LABEL fuzz-regression)
  endif()
endfunction()
