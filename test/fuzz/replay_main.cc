// A main for the fuzz targets where there is no libFuzzer: every file of the directories given is
// one input. So each bug that fuzzing ever found stays fixed, under every compiler and sanitizer.
// A directory that is missing or empty is an error: it would otherwise test nothing for ever.
// Threading: one thread.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

// libFuzzer's contract: 0, always.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> FilesOf(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory, missing)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The name first, unbuffered: whatever ends the process, it is the last line.
void Announce(const fs::path& file) {
  const std::string line = file.string() + "\n";
  (void)!write(STDERR_FILENO, line.data(), line.size());
}

bool Replay(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) {
    std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
    return false;
  }
  Announce(file);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY...\n", argv[0]);
    return 2;
  }
  bool complete = true;
  for (int i = 1; i < argc; ++i) {
    const std::vector<fs::path> files = FilesOf(argv[i]);
    if (files.empty()) {
      std::fprintf(stderr, "%s: no inputs there\n", argv[i]);
      complete = false;
    }
    for (const fs::path& file : files) {
      complete &= Replay(file);
    }
    std::fprintf(stderr, "%s: %zu inputs\n", argv[i], files.size());
  }
  return complete ? 0 : 1;
}
