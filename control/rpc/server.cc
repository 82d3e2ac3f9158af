#include "control/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_posix.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "control/rpc/service.h"
#include "control/rpc/unix_listener.h"

namespace pollux::control {
namespace {

constexpr int kMaxRequestBytes = 32 << 20;
constexpr int kMaxThreads = 96;
constexpr std::chrono::seconds kShutdownPatience{2};

absl::StatusOr<std::string> ReadPem(const char* flag, const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(
        std::string(flag) +
        ": --listen serves with mutual TLS only; give --tls-cert, --tls-key and "
        "--tls-ca");
  }
  std::ifstream file(path);
  std::ostringstream contents;
  contents << file.rdbuf();  // unlike the buffer itself, this does not throw
  std::string text = contents.str();
  if (!file || text.find("-----BEGIN") == std::string::npos) {
    return absl::InvalidArgumentError(std::string(flag) + ": " + path +
                                      " cannot be read as a PEM file");
  }
  return text;
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MutualTls(const ServerOptions& options) {
  const absl::StatusOr<std::string> cert = ReadPem("--tls-cert", options.tls_cert);
  const absl::StatusOr<std::string> key = ReadPem("--tls-key", options.tls_key);
  const absl::StatusOr<std::string> ca = ReadPem("--tls-ca", options.tls_ca);
  for (const auto* pem : {&cert, &key, &ca}) {
    if (!pem->ok()) {
      return pem->status();
    }
  }
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = *ca;
  tls.pem_key_cert_pairs.push_back({*key, *cert});
  return grpc::SslServerCredentials(tls);
}

class GrpcServer final : public Server {
 public:
  explicit GrpcServer(std::unique_ptr<grpc::Service> service) : service_(std::move(service)) {}

  ~GrpcServer() override {
    listener_.reset();
    if (server_ != nullptr) {
      server_->GetHealthCheckService()->SetServingStatus(false);
      server_->Shutdown(std::chrono::system_clock::now() + kShutdownPatience);
    }
  }

  absl::Status Serve(const ServerOptions& options) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
    builder.SetResourceQuota(grpc::ResourceQuota("api").SetMaxThreads(kMaxThreads));
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    if (!options.listen.empty()) {
      const auto credentials = MutualTls(options);
      if (!credentials.ok()) {
        return credentials.status();
      }
      builder.AddListeningPort(options.listen, *credentials, &tcp_port_);
    }
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || (!options.listen.empty() && tcp_port_ == 0)) {
      return absl::UnavailableError("--listen: cannot serve on " + options.listen +
                                    ": no such address, in use, or the TLS files do not fit");
    }
    auto listener = UnixListener::Start(
        options.socket, [this](int fd) { grpc::AddInsecureChannelFromFd(server_.get(), fd); });
    if (!listener.ok()) {
      return listener.status();
    }
    listener_ = *std::move(listener);
    return absl::OkStatus();
  }

  [[nodiscard]] int tcp_port() const override { return tcp_port_; }

 private:
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<UnixListener> listener_;
  int tcp_port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      std::unique_ptr<grpc::Service> service) {
  auto server = std::make_unique<GrpcServer>(std::move(service));
  if (const absl::Status status = server->Serve(options); !status.ok()) {
    return status;
  }
  return server;
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, Api& api) {
  return Start(options, MakeService(api));
}

}  // namespace pollux::control
