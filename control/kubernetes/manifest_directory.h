// A directory of manifests as the state of a cluster.
//
// Files end in .yaml, .yml or .json and do not begin with a dot; directories in it are not looked
// into. So a mounted ConfigMap works, whose files are symbolic links into "..data".
// A file with something wrong in it keeps the objects of when it was last right, all of them; a
// file that is gone takes its objects with it. An object that two files give is that of the file
// that gave it first.
// Threading: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/kubernetes/manifest.h"
#include "control/kubernetes/objects.h"

namespace pollux::kubernetes {

class ManifestDirectory {
 public:
  struct File {
    std::string name;
    std::size_t objects = 0;  // in force
    std::vector<ManifestProblem> problems;
    std::vector<std::string> ignored;
  };

  static constexpr std::size_t kMaxFileBytes = 256U << 20;

  explicit ManifestDirectory(std::string path) : path_(std::move(path)) {}

  // Looks at the directory again and reads what changed. True if cluster() or files() did.
  bool Scan();

  [[nodiscard]] const Cluster& cluster() const { return cluster_; }
  // By name. A directory that cannot be read is a file without a name, with that problem; what was
  // read before stays.
  [[nodiscard]] const std::vector<File>& files() const { return files_; }

 private:
  // What tells that a file is another or has changed.
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Known {
    Stamp stamp;
    std::uint64_t since = 0;  // who was there first
    Cluster good;
    std::vector<ManifestProblem> problems;
    std::vector<std::string> ignored;
  };

  bool List(std::vector<std::string>& names);
  bool Look(const std::string& name);
  void Merge();

  const std::string path_;
  std::map<std::string, Known> known_;
  std::uint64_t next_ = 0;
  std::string problem_;  // of the directory
  Cluster cluster_;
  std::vector<File> files_;
};

}  // namespace pollux::kubernetes
