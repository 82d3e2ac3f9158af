#include "control/state/diff.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/state/test_objects.h"

namespace pollux::control {
namespace {

using testing::ElementsAreArray;

// "add web", "publish ..." (on the way), "publish! ..." (final), "remove web".
std::string Words(const Action& action) {
  if (const auto* add = std::get_if<AddPort>(&action)) {
    return absl::StrCat(
        "add ", add->port.spec.name,
        add->port.spec.mtu == 1500 ? "" : absl::StrCat(" mtu ", add->port.spec.mtu));
  }
  if (const auto* remove = std::get_if<RemovePort>(&action)) {
    return "remove " + remove->name;
  }
  const auto& publish = std::get<Publish>(action);
  std::string words = publish.is_final ? "publish!" : "publish";
  for (const auto& [name, endpoint] : publish.forwarding.endpoints) {
    absl::StrAppend(&words, " ", name, "@", endpoint.port);
  }
  for (const auto& [prefix, route] : publish.forwarding.routes) {
    absl::StrAppend(&words, " ", prefix.ToString(), "@", route.port);
  }
  return words;
}

struct Row {
  std::string sentence;
  std::vector<Object> from;
  std::vector<Object> to;
  std::vector<std::string> actions;
};

const Object kWeb = Tap("web");
const Object kWebPod = Pod("web", "web", {"10.0.0.1"});
const Object kDb = Tap("db");
const Object kDbPod = Pod("db", "db", {"10.0.0.2"});

const Row kRows[] = {
    {"nothing to nothing", {}, {}, {}},
    {"the same", {kWeb, kWebPod}, {kWeb, kWebPod}, {}},
    {"a port alone", {}, {kWeb}, {"add web", "publish!"}},
    {"a port before its endpoint", {}, {kWeb, kWebPod}, {"add web", "publish! web@web"}},
    {"forwarding before the port that it left", {kWeb, kWebPod}, {}, {"publish!", "remove web"}},
    {"a port that nothing names", {kWeb}, {}, {"publish!", "remove web"}},
    {"forwarding alone",
     {kWeb, kWebPod},
     {kWeb, kWebPod, OnLink("10.9.0.0/16", "web")},
     {"publish! web@web 10.9.0.0/16@web"}},
    {"an endpoint moves: new port first, old one last",
     {kWeb, kWebPod},
     {kDb, Pod("web", "db", {"10.0.0.1"})},
     {"add db", "publish! web@db", "remove web"}},
    {"a port made anew leaves everything else forwarding",
     {kWeb, kWebPod, kDb, kDbPod, OnLink("10.9.0.0/16", "web")},
     {Resized(Tap("web")), kWebPod, kDb, kDbPod, OnLink("10.9.0.0/16", "web")},
     {"publish db@db", "remove web", "add web mtu 9000", "publish! db@db web@web 10.9.0.0/16@web"}},
    {"a new port is added before another one is made anew",
     {kWeb, kWebPod},
     {Resized(Tap("web")), kWebPod, kDb, kDbPod},
     {"add db", "publish", "remove web", "add web mtu 9000", "publish! db@db web@web"}},
    {"the socket goes to a port of another name",
     {Vhost("a", "/run/s"), Pod("p", "a", {"10.0.0.1"})},
     {Vhost("b", "/run/s"), Pod("p", "b", {"10.0.0.1"})},
     {"publish", "remove a", "add b", "publish! p@b"}},
    {"two ports swap their sockets",
     {Vhost("a", "/run/1"), Vhost("b", "/run/2")},
     {Vhost("a", "/run/2"), Vhost("b", "/run/1")},
     {"publish", "remove a", "remove b", "add a", "add b", "publish!"}},
    {"another owner is nothing that the switch would notice",
     {kWeb},
     {Tap("web", Owner::kAgent)},
     {}},
};

TEST(DiffTest, MakesBeforeItBreaks) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.sentence);
    std::vector<std::string> actions;
    for (const Action& action : Diff(StateOf(row.from), StateOf(row.to))) {
      actions.push_back(Words(action));
    }
    EXPECT_THAT(actions, ElementsAreArray(row.actions));
  }
}

TEST(DiffTest, RestrictKeepsWhatIsOnWantedPorts) {
  const State state =
      StateOf({kWebPod, kDbPod, OnLink("10.9.0.0/16", "web"), OnLink("10.8.0.0/16", "db")});
  const State web = StateOf({kWebPod, OnLink("10.9.0.0/16", "web")});
  EXPECT_EQ(Restrict(state.forwarding, [](const std::string& port) { return port == "web"; }),
            web.forwarding);
}

}  // namespace
}  // namespace pollux::control
