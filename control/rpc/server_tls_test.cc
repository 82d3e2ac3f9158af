// The API on TCP: nobody without a certificate of the given authority is let in.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "control/proto/vswitch/v1/vswitch.grpc.pb.h"
#include "control/rpc/server.h"
#include "control/rpc/test_grpc_client.h"
#include "control/state/fake_switch.h"
#include "control/state/test_directory.h"

namespace pollux::control {
namespace {

// Authorities and certificates, made on the spot: nothing secret lies in the repository.
class Certificates {
 public:
  explicit Certificates(const TestDirectory& directory) : directory_(directory) {}

  // A self-signed authority.
  void MakeAuthority(const std::string& name) {
    Run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" +
        name + " -keyout " + name + ".key -out " + name + ".crt");
  }
  // A certificate for 127.0.0.1, as server or client.
  void Issue(const std::string& authority, const std::string& name) {
    Run("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name +
        " -keyout " + name + ".key -out " + name + ".csr");
    WriteAll(directory_.path("san"), "subjectAltName=IP:127.0.0.1\n");
    Run("openssl x509 -req -days 2 -CAcreateserial -extfile san -CA " + authority + ".crt -CAkey " +
        authority + ".key -in " + name + ".csr -out " + name + ".crt");
  }

 private:
  void Run(const std::string& command) const {
    const std::string shell = "cd " + directory_.path() + " && " + command + " 2>log";
    ASSERT_EQ(std::system(shell.c_str()), 0) << command << "\n" << ReadAll(directory_.path("log"));
  }

  const TestDirectory& directory_;
};

class ServerTlsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (std::system("openssl version >/dev/null 2>&1") != 0) {
      return;
    }
    pki_ = new TestDirectory;
    Certificates certificates(*pki_);
    certificates.MakeAuthority("ca");
    certificates.Issue("ca", "server");
    certificates.Issue("ca", "client");
    certificates.MakeAuthority("other-ca");
    certificates.Issue("other-ca", "stranger");
  }
  static void TearDownTestSuite() {
    delete pki_;
    pki_ = nullptr;
  }
  void SetUp() override {
    if (pki_ == nullptr) {
      GTEST_SKIP() << "needs openssl to make certificates";
    }
    ASSERT_TRUE(controller_.Start({}).ok());
  }

  [[nodiscard]] ServerOptions Options() const {
    return {.socket = directory_.path("vswitchd.sock"),
            .listen = "127.0.0.1:0",
            .tls_cert = pki_->path("server.crt"),
            .tls_key = pki_->path("server.key"),
            .tls_ca = pki_->path("ca.crt")};
  }
  void Start() {
    auto server = Server::Start(Options(), api_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  // What becomes of a client who trusts our authority and shows the certificate of that name.
  [[nodiscard]] grpc::Status CallAs(const std::string& client) const {
    grpc::SslCredentialsOptions tls{.pem_root_certs = ReadAll(pki_->path("ca.crt")),
                                    .pem_private_key = "",
                                    .pem_cert_chain = ""};
    if (!client.empty()) {
      tls.pem_private_key = ReadAll(pki_->path(client + ".key"));
      tls.pem_cert_chain = ReadAll(pki_->path(client + ".crt"));
    }
    return Call(grpc::SslCredentials(tls));
  }
  [[nodiscard]] grpc::Status Call(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    const auto channel =
        grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->tcp_port()), credentials);
    TestCallContext context;
    api::GetStatusReply reply;
    return api::Vswitch::NewStub(channel)->GetStatus(&context, {}, &reply);
  }

  static inline TestDirectory* pki_ = nullptr;
  TestDirectory directory_;
  FakeSwitch switch_;
  Controller controller_{switch_, std::nullopt};
  Api api_{controller_, "1.2.3", Api::Clock::now()};
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTlsTest, OnlyClientsOfTheAuthorityAreLetIn) {
  Start();
  EXPECT_TRUE(CallAs("client").ok()) << CallAs("client").error_message();
  EXPECT_EQ(CallAs("").error_code(), grpc::StatusCode::UNAVAILABLE) << "no certificate";
  EXPECT_EQ(CallAs("stranger").error_code(), grpc::StatusCode::UNAVAILABLE) << "another authority";
  EXPECT_EQ(Call(grpc::InsecureChannelCredentials()).error_code(), grpc::StatusCode::UNAVAILABLE)
      << "clear text";
  EXPECT_TRUE(CallAs("client").ok()) << "the server lives on";
}

TEST_F(ServerTlsTest, BadOptionsAreNamed) {
  const std::string nowhere = directory_.path("nowhere.pem");
  const std::string all_three =
      ": --listen serves with mutual TLS only; give --tls-cert, --tls-key and --tls-ca";
  const struct {
    std::function<void(ServerOptions&)> change;
    std::string error;
  } rows[] = {
      {[](ServerOptions& o) { o.tls_cert = ""; }, "--tls-cert" + all_three},
      {[](ServerOptions& o) { o.tls_key = ""; }, "--tls-key" + all_three},
      {[](ServerOptions& o) { o.tls_ca = ""; }, "--tls-ca" + all_three},
      {[&](ServerOptions& o) { o.tls_cert = nowhere; },
       "--tls-cert: " + nowhere + " cannot be read as a PEM file"},
      {[](ServerOptions& o) { o.tls_key = "/dev/null"; },
       "--tls-key: /dev/null cannot be read as a PEM file"},
      {[](ServerOptions& o) { o.tls_ca = "/tmp"; }, "--tls-ca: /tmp cannot be read as a PEM file"},
      {[](ServerOptions& o) { o.listen = "127.0.0.1:http:"; }, "--listen: cannot serve on "},
      {[](ServerOptions& o) {
         o.tls_key = o.tls_key.replace(o.tls_key.find("server"), 6, "client");
       },
       "--listen: cannot serve on "},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.error);
    ServerOptions options = Options();
    row.change(options);
    const absl::Status status = Server::Start(options, api_).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), testing::StartsWith(row.error));
  }
}

}  // namespace
}  // namespace pollux::control
