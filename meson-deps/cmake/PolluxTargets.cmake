# How the rooms declare what they hold.
#
#   pollux_library(NAME [DATAPATH] SOURCES a.cc ... DEPS ...)   DATAPATH: no exceptions
#   pollux_program(NAME SOURCES main.cc ... DEPS ...)           lands in bin/
#   pollux_test(NAME LABEL unit|packet|integration|conformance|soak [hostile] [threads]
#               SOURCES x_test.cc ... DEPS ... [TIMEOUT seconds] [SERIAL])
#               hostile: also run under asan-ubsan (as unit and packet tests are anyway)
#               threads: also run under tsan
#               soak instead of the first: only with test/run --long
#   pollux_fuzz(NAME CORPUS dir SOURCES x_fuzz.cc DEPS ...)     libFuzzer target under POLLUX_FUZZ,
#               run for POLLUX_FUZZ_SECONDS by the tests of label fuzz; everywhere else a test that
#               replays the committed corpus (fuzz-regression)
#
# The targets tests-LABEL build what the tests of a label run, `programs` every pollux_program.

# For tests that are scripts: Debian's, which has python3-scapy, not another one first in PATH.
set(POLLUX_PYTHON /usr/bin/python3)

foreach(label unit packet integration conformance fuzz-regression hostile threads soak fuzz)
  add_custom_target(tests-${label})
endforeach()
add_custom_target(programs)

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
  add_dependencies(programs ${name})
endfunction()

function(pollux_test name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT" "LABEL;SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  pollux_settings(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
  add_test(NAME ${name} COMMAND ${name})
  pollux_test_properties(${name} LABEL ${ARG_LABEL} TIMEOUT "${ARG_TIMEOUT}" SERIAL ${ARG_SERIAL})
  pollux_tests_need(${name} LABEL ${ARG_LABEL})
endfunction()

# pollux_tests_need(TARGET... LABEL label...): the tests of these labels run TARGET.
function(pollux_tests_need)
  cmake_parse_arguments(ARG "" "" "LABEL" ${ARGN})
  foreach(label ${ARG_LABEL})
    add_dependencies(tests-${label} ${ARG_UNPARSED_ARGUMENTS})
  endforeach()
endfunction()

# For tests that are scripts: add_test() first, then this.
function(pollux_test_properties name)
  cmake_parse_arguments(ARG "" "TIMEOUT;SERIAL" "LABEL" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT}
                       SKIP_RETURN_CODE 77)
  if(ARG_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
  if(POLLUX_SANITIZE STREQUAL thread)
    set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT
                 TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/test/tsan.supp)
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
    set(found ${CMAKE_BINARY_DIR}/fuzz/${name}.corpus)
    file(MAKE_DIRECTORY ${found})
    add_test(NAME ${name} COMMAND ${name} -max_total_time=${POLLUX_FUZZ_SECONDS} -print_final_stats=1
             -artifact_prefix=${CMAKE_BINARY_DIR}/fuzz/${name}. ${found} ${ARG_CORPUS})
    math(EXPR timeout "${POLLUX_FUZZ_SECONDS} + 120")
    pollux_test_properties(${name} LABEL fuzz TIMEOUT ${timeout})
    pollux_tests_need(${name} LABEL fuzz)
  else()
    add_executable(${name} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/test/fuzz/replay_main.cc)
    target_link_libraries(${name} PRIVATE ${ARG_DEPS})
    pollux_settings(${name})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
    add_test(NAME ${name} COMMAND ${name} ${ARG_CORPUS})
    pollux_test_properties(${name} LABEL fuzz-regression)
    pollux_tests_need(${name} LABEL fuzz-regression)
  endif()
endfunction()
