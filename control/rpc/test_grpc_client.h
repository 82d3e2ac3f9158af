// gRPC calls of tests: with a deadline, so that a server that hangs fails the test, and by name and
// bytes, for services whose messages are not among ours.
// Threading: one test's thread.
#pragma once

#include <glog/logging.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

namespace pollux::control {

class TestCallContext : public grpc::ClientContext {
 public:
  TestCallContext() {
    constexpr std::chrono::seconds kDeadline{60};
    set_deadline(std::chrono::system_clock::now() + kDeadline);
  }
};

inline grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

inline std::string ToBytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  CHECK(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

// Waits for the operation that was started last; false if it failed.
inline bool Await(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  return queue.Next(&tag, &ok) && ok;
}

// The reply's bytes, or "CODE message".
inline std::string CallUnary(const std::shared_ptr<grpc::Channel>& channel,
                             const std::string& method, const std::string& request) {
  grpc::GenericStub stub(channel);
  TestCallContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, method, ToBuffer(request), &queue);
  call->StartCall();
  grpc::ByteBuffer reply;
  grpc::Status status;
  call->Finish(&reply, &status, nullptr);
  Await(queue);
  return status.ok() ? ToBytes(reply)
                     : std::to_string(status.error_code()) + " " + status.error_message();
}

// The first message of a stream in answer to one message; empty if there is none.
inline std::string CallStream(const std::shared_ptr<grpc::Channel>& channel,
                              const std::string& method, const std::string& request) {
  grpc::GenericStub stub(channel);
  TestCallContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, method, &queue);
  grpc::ByteBuffer reply;
  call->StartCall(nullptr);
  bool ok = Await(queue);
  call->Write(ToBuffer(request), nullptr);
  ok = Await(queue) && ok;
  call->Read(&reply, nullptr);
  ok = Await(queue) && ok;
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  Await(queue);
  return ok ? ToBytes(reply) : "";
}

}  // namespace pollux::control
