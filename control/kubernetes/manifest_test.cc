#include "control/kubernetes/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollux::kubernetes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kService = R"(apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.96.0.1
  ports:
  - port: 80
    targetPort: http
  selector: {app: web}
)";

TEST(Manifest, ObjectsOfSeveralDocuments) {
  const Manifest manifest = ReadManifest(
      "a.yaml", std::string(kService) +
                    "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
                    "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
                    "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db}\n");
  EXPECT_THAT(manifest.problems, IsEmpty());
  EXPECT_EQ(manifest.objects.services.count({"shop", "web"}), 1U);
  EXPECT_EQ(manifest.objects.namespaces.count("shop"), 1U);
  EXPECT_THAT(manifest.ignored, ElementsAre("apps/v1 Deployment"));
}

TEST(Manifest, JsonWithAList) {
  const Manifest manifest = ReadManifest("a.json", R"({"apiVersion": "v1", "kind": "List",
    "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}},
              {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}}]})");
  EXPECT_THAT(manifest.problems, IsEmpty());
  EXPECT_EQ(manifest.objects.namespaces.size(), 2U);
}

TEST(Manifest, ProblemsNameLineAndField) {
  std::string text = kService;
  text.replace(text.find("80"), 2, "99999");
  const Manifest manifest = ReadManifest("a.yaml", "\n" + text);
  ASSERT_EQ(manifest.problems.size(), 1U);
  EXPECT_EQ(manifest.problems[0].line, 8);
  EXPECT_EQ(manifest.problems[0].field, "spec.ports[0].port");
  EXPECT_THAT(manifest.problems[0].text, HasSubstr("Service \"web\""));
}

TEST(Manifest, BrokenJsonNamesItsLine) {
  const Manifest manifest = ReadManifest("a.json", "{\n\"a\": 1,\n\"b\": }\n");
  ASSERT_EQ(manifest.problems.size(), 1U);
  EXPECT_EQ(manifest.problems[0].line, 3);
}

}  // namespace
}  // namespace pollux::kubernetes
