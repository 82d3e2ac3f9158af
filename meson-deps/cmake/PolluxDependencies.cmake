# Everything comes from Debian's packages (meson-deps/packages.txt).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gflags REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)

pkg_check_modules(DPDK REQUIRED libdpdk>=22.11.11)
pkg_check_modules(GLOG REQUIRED IMPORTED_TARGET libglog)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++)
pkg_check_modules(ABSL_STATUS REQUIRED IMPORTED_TARGET absl_status absl_statusor absl_str_format)

# DPDK's headers are system headers: our warnings stop at them. Its -march is dropped, ours counts.
list(FILTER DPDK_CFLAGS EXCLUDE REGEX "^-march=")
list(FILTER DPDK_CFLAGS EXCLUDE REGEX "^-I")
add_library(dpdk INTERFACE)
target_include_directories(dpdk SYSTEM INTERFACE ${DPDK_INCLUDE_DIRS})
target_compile_options(dpdk INTERFACE ${DPDK_CFLAGS})
target_link_libraries(dpdk INTERFACE ${DPDK_LDFLAGS})

add_library(glog INTERFACE)
target_link_libraries(glog INTERFACE PkgConfig::GLOG)
add_library(status INTERFACE)
target_link_libraries(status INTERFACE PkgConfig::ABSL_STATUS)
