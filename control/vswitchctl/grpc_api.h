// The API over gRPC: where the switch is, how to reach it, and errors that say what to do.
// Threading: one thread; gRPC has its own.
#pragma once

#include <memory>
#include <string>

#include "control/vswitchctl/api.h"
#include "control/vswitchctl/interrupt.h"

namespace pollux::ctl {

// Where vswitchd serves: a unix socket, or TCP with mutual TLS.
struct Address {
  std::string socket;        // path; empty: TCP
  std::string agent_socket;  // of vswitch-agent; empty: not on this machine
  std::string host_port;
  // PEM files, for TCP: our certificate, its key, the authority of the switch's certificate.
  std::string tls_cert;
  std::string tls_key;
  std::string tls_ca;
};

// Connects with the first call. `interrupt` outlives the result.
std::unique_ptr<Api> MakeGrpcApi(Address address, Interrupt& interrupt);

}  // namespace pollux::ctl
