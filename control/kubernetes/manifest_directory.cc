#include "control/kubernetes/manifest_directory.h"

#include <absl/strings/str_cat.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

namespace pollux::kubernetes {
namespace {

bool IsManifest(std::string_view name) {
  return !name.starts_with('.') &&
         (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json"));
}

std::int64_t Nanos(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// Empty, or what went wrong.
std::string ReadAll(int fd, std::size_t limit, std::string& text) {
  constexpr std::size_t kPiece = 1U << 16;
  for (ssize_t got = 1; got > 0;) {
    const std::size_t at = text.size();
    text.resize(at + kPiece);
    got = read(fd, text.data() + at, kPiece);
    text.resize(at + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) {
      return std::strerror(errno);
    }
    if (text.size() > limit) {
      return absl::StrCat("is larger than ", limit >> 20, " MB");
    }
  }
  return "";
}

// Adds the objects that nobody has given yet; tells of the others.
template <typename Map, typename Owners>
std::size_t Add(const char* kind, const Map& from, Map& to, Owners& owners, const std::string& file,
                std::vector<ManifestProblem>& problems) {
  std::size_t added = 0;
  for (const auto& [key, object] : from) {
    if (to.try_emplace(key, object).second) {
      owners[{kind, &to.find(key)->first}] = file;
      ++added;
      continue;
    }
    problems.push_back(
        {.line = 0,
         .field = "metadata.name",
         .text = absl::StrCat(kind, " \"", object.name, "\" is in ",
                              owners[{kind, &to.find(key)->first}], " already, which counts")});
  }
  return added;
}

}  // namespace

bool ManifestDirectory::List(std::vector<std::string>& names) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path_.c_str()), closedir);
  if (directory == nullptr) {
    problem_ = absl::StrCat(path_, ": ", std::strerror(errno));
    return false;
  }
  while (const dirent* entry = readdir(directory.get())) {
    if (IsManifest(entry->d_name)) {
      names.emplace_back(entry->d_name);
    }
  }
  std::ranges::sort(names);
  problem_.clear();
  return true;
}

// True if it is not as it was.
bool ManifestDirectory::Look(const std::string& name) {
  // Not to wait for the other end of a FIFO.
  const Descriptor file(open((path_ + "/" + name).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  std::string wrong;
  if (file.get() < 0 || fstat(file.get(), &info) != 0) {
    wrong = std::strerror(errno);
  } else if (!S_ISREG(info.st_mode)) {
    wrong = "is no regular file";
  }
  const Stamp stamp{.device = info.st_dev,
                    .inode = info.st_ino,
                    .size = info.st_size,
                    .modified_ns = Nanos(info.st_mtim),
                    .changed_ns = Nanos(info.st_ctim)};
  const auto [at, fresh] = known_.try_emplace(name);
  Known& known = at->second;
  if (!fresh && known.stamp == stamp) {
    return false;
  }
  known.stamp = stamp;
  known.since = fresh ? next_++ : known.since;
  std::string text;
  if (wrong.empty()) {
    wrong = ReadAll(file.get(), kMaxFileBytes, text);
  }
  if (!wrong.empty()) {
    known.problems = {{.line = 0, .field = "", .text = wrong}};
    return true;
  }
  Manifest manifest = ReadManifest(name, text);
  known.problems = std::move(manifest.problems);
  if (known.problems.empty()) {
    known.good = std::move(manifest.objects);
    known.ignored = std::move(manifest.ignored);
  }
  return true;
}

bool ManifestDirectory::Scan() {
  const std::string problem_before = problem_;
  std::vector<std::string> names;
  const bool listed = List(names);
  bool changed = problem_ != problem_before;
  if (listed) {
    for (const std::string& name : names) {
      changed |= Look(name);
    }
    const std::set<std::string> there(names.begin(), names.end());
    changed |= std::erase_if(known_, [&](const auto& k) { return !there.contains(k.first); }) > 0;
  }
  if (changed) {
    Merge();
  }
  return changed;
}

void ManifestDirectory::Merge() {
  std::vector<std::pair<const std::string, Known>*> by_age;
  for (auto& entry : known_) {
    by_age.push_back(&entry);
  }
  std::ranges::sort(by_age, {}, [](const auto* entry) { return entry->second.since; });
  Cluster merged;
  std::map<std::pair<std::string, const void*>, std::string> owners;
  files_.clear();
  if (!problem_.empty()) {
    files_.push_back({.name = "",
                      .objects = 0,
                      .problems = {{.line = 0, .field = "", .text = problem_}},
                      .ignored = {}});
  }
  for (const auto* entry : by_age) {
    const Known& known = entry->second;
    File file{
        .name = entry->first, .objects = 0, .problems = known.problems, .ignored = known.ignored};
    const auto add = [&](const char* kind, const auto& from, auto& to) {
      file.objects += Add(kind, from, to, owners, file.name, file.problems);
    };
    add("Namespace", known.good.namespaces, merged.namespaces);
    add("Node", known.good.nodes, merged.nodes);
    add("Pod", known.good.pods, merged.pods);
    add("Service", known.good.services, merged.services);
    add("EndpointSlice", known.good.endpoint_slices, merged.endpoint_slices);
    add("NetworkPolicy", known.good.network_policies, merged.network_policies);
    files_.push_back(std::move(file));
  }
  std::ranges::sort(files_, {}, &File::name);
  cluster_ = std::move(merged);
}

}  // namespace pollux::kubernetes
