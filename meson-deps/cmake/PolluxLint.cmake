# clang-format over all sources of the rooms; clang-tidy comes with each target (PolluxTargets).
# The preset `lint` makes both part of its build.
find_program(POLLUX_CLANG_FORMAT NAMES clang-format-14)
if(POLLUX_CLANG_FORMAT)
  if(POLLUX_TIDY)
    set(in_all ALL)
  endif()
  set(find_sources find cni control dataplane docs perf policy test vhost -name *.cc -o -name *.h)
  foreach(mode check fix)
    set(arguments $<IF:$<STREQUAL:${mode},check>,--dry-run$<SEMICOLON>--Werror,-i>)
    add_custom_target(format-${mode} ${in_all}
      COMMAND ${find_sources} | xargs -r ${POLLUX_CLANG_FORMAT} ${arguments}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} COMMAND_EXPAND_LISTS VERBATIM
      COMMENT "clang-format: ${mode}")
    set(in_all)
  endforeach()
endif()
