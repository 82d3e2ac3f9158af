# Language, instruction set and build flavours.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(POLLUX_MARCH "x86-64-v3" CACHE STRING
    "Instruction set of the build; vswitchd says so at start if the CPU lacks it")
set(POLLUX_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")
option(POLLUX_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
set(POLLUX_FUZZ_SECONDS 600 CACHE STRING "How long a test of label fuzz looks for new inputs")
option(POLLUX_COVERAGE "Instrument for gcov" OFF)
option(POLLUX_LTO "Link-time optimisation" OFF)
option(POLLUX_TIDY "Run clang-tidy with the build" OFF)

find_program(POLLUX_CCACHE ccache)
if(POLLUX_CCACHE)
  # By the dependencies the compiler lists, without a run of the preprocessor before each miss.
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_DEPEND=true ${POLLUX_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
endif()
if(POLLUX_TIDY)
  find_program(POLLUX_CLANG_TIDY NAMES clang-tidy-14 clang-tidy REQUIRED)
endif()

# Flags of our own targets only; dependencies are system headers.
add_library(pollux_flags INTERFACE)
target_include_directories(pollux_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
target_compile_options(pollux_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor -Werror
  -Wno-missing-field-initializers  # designated initialisers name what matters
  -fno-omit-frame-pointer
  -fno-semantic-interposition)  # nothing of ours is a shared library: functions may be inlined
if(POLLUX_SANITIZE)
  target_compile_options(pollux_flags INTERFACE -fsanitize=${POLLUX_SANITIZE}
                         -fno-sanitize-recover=all)
  target_link_options(pollux_flags INTERFACE -fsanitize=${POLLUX_SANITIZE})
endif()
if(POLLUX_COVERAGE)
  target_compile_options(pollux_flags INTERFACE --coverage)
  target_link_options(pollux_flags INTERFACE --coverage)
endif()
if(POLLUX_LTO)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

# Last, so that it wins over the -march that DPDK's pkg-config file injects.
add_library(pollux_march INTERFACE)
# The keyed hashes are rounds of AES, which no level of x86-64 includes.
target_compile_options(pollux_march INTERFACE -march=${POLLUX_MARCH} -maes)
target_compile_definitions(pollux_march INTERFACE POLLUX_MARCH="${POLLUX_MARCH}")
