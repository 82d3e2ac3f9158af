// Changes of the configuration in words: what Apply did, what Watch tells.
// Threading: pure functions.
#pragma once

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "control/vswitchctl/api.h"
#include "control/vswitchctl/command.h"

namespace pollux::ctl {

// The fields of an object that say something, by their path in the message ("tap.netns"), without
// its status and owner.
std::vector<std::pair<std::string, std::string>> FieldsOf(const google::protobuf::Message& message);

// The kind and name of an object or key: port "web".
std::string NameOf(const api::Object& object);
std::string NameOf(const api::Key& key);

// One line, without its end: added port "web": mtu=1500 ...
std::string Describe(const api::Change& change);
void PrintChanges(const api::ApplyReply& reply, std::ostream& out);

// Adds the object if the line's verb is chosen; one that is there with other contents is an error.
Action AddObject(std::shared_ptr<const api::Object> object);
// Removes what the keys name; what is not there is said and no error.
Action RemoveObjects(std::shared_ptr<const api::ApplyRequest> request);

}  // namespace pollux::ctl
