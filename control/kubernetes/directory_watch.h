// Waits until something in a directory may have changed.
//
// By inotify, and every few seconds anyway: for files that lie elsewhere behind a link, for
// directories that come back, and for file systems that tell nothing.
// Threading: one thread; Stop() any thread.
#pragma once

#include <chrono>
#include <string>

namespace pollux::kubernetes {

class DirectoryWatch {
 public:
  explicit DirectoryWatch(std::string path);
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  // Returns soon after a change, when nothing more comes for a moment; else after `longest`. False
  // after Stop().
  bool Wait(std::chrono::milliseconds longest);
  void Stop();

 private:
  void Watch();
  // Whether there was something.
  bool Drain();
  bool Poll(std::chrono::milliseconds timeout);

  const std::string path_;
  int inotify_;
  int stop_;
  int watch_ = -1;
  bool stopped_ = false;
};

}  // namespace pollux::kubernetes
