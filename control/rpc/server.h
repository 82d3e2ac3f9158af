// The gRPC server of a daemon: its API, the standard health service and reflection, on the run
// directory's socket and, if asked for, on TCP with mutual TLS.
// Threading: main thread.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "control/rpc/api.h"

namespace grpc {
class Service;
}

namespace pollux::control {

struct ServerOptions {
  std::string socket;  // absolute path
  // HOST:PORT, or empty for none. Needs all three files, in PEM: nobody without a certificate of
  // that authority is let in.
  std::string listen;
  std::string tls_cert;
  std::string tls_key;
  std::string tls_ca;
};

class Server {
 public:
  // Serves, healthy, from the return on. Errors name the option that is wrong.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       std::unique_ptr<grpc::Service> service);
  // The switch's API, which outlives the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options, Api& api);
  // Ends open streams and waits for calls that are under way.
  virtual ~Server() = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where TCP is served: the port that was chosen if `listen` gave 0.
  [[nodiscard]] virtual int tcp_port() const = 0;

 protected:
  Server() = default;
};

}  // namespace pollux::control
