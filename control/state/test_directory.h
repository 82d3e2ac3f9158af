// A directory of a test's own, gone with it.
// Threading: one test's thread.
#pragma once

#include <glog/logging.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace pollux::control {

class TestDirectory {
 public:
  TestDirectory() : path_("/tmp/plxt-" + std::to_string(getpid()) + "-XXXXXX") {
    PCHECK(mkdtemp(path_.data()) != nullptr);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

 private:
  std::string path_;
};

inline std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  CHECK(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void WriteAll(const std::string& path, std::string_view contents) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  CHECK(file.flush()) << path;
}

// Access bits as in "0600".
inline std::string ModeOf(const std::string& path) {
  constexpr unsigned kAccess = 07777;
  const auto mode = static_cast<unsigned>(std::filesystem::status(path).permissions()) & kAccess;
  std::string text = "0000";
  for (unsigned i = 0; i < text.size(); ++i) {
    text[text.size() - 1 - i] = static_cast<char>('0' + (mode >> (3 * i)) % 8);
  }
  return text;
}

}  // namespace pollux::control
