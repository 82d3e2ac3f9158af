#include "control/vswitchctl/changes.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <map>

namespace pollux::ctl {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// The API's configuration has text and 32-bit numbers only.
std::string ValueOf(const Message& message, const FieldDescriptor* field) {
  const Reflection& reflection = *message.GetReflection();
  if (field->is_repeated()) {
    std::vector<std::string> values;
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      values.push_back(reflection.GetRepeatedString(message, field, i));
    }
    return absl::StrJoin(values, ",");
  }
  return field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32
             ? absl::StrCat(reflection.GetUInt32(message, field))
             : reflection.GetString(message, field);
}

void AppendFields(const Message& message, const std::string& prefix, Fields* fields) {
  std::vector<const FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    if (field->name() == "status" || field->name() == "owner") {
      continue;
    }
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      AppendFields(message.GetReflection()->GetMessage(message, field),
                   absl::StrCat(prefix, field->name(), "."), fields);
    } else {
      fields->emplace_back(prefix + field->name(), ValueOf(message, field));
    }
  }
}

const Message* ContentsOf(const api::Object& object) {
  switch (object.object_case()) {
    case api::Object::kPort:
      return &object.port();
    case api::Object::kEndpoint:
      return &object.endpoint();
    case api::Object::kRoute:
      return &object.route();
    case api::Object::OBJECT_NOT_SET:
      break;
  }
  return nullptr;
}

Fields FieldsOfObject(const api::Object& object) {
  const Message* contents = ContentsOf(object);
  Fields fields = contents == nullptr ? Fields{} : FieldsOf(*contents);
  std::erase_if(fields,
                [](const auto& field) { return field.first == "name" || field.first == "prefix"; });
  return fields;
}

std::string Differences(const Fields& before, const Fields& after) {
  std::map<std::string, std::pair<std::string, std::string>> values;
  for (const auto& [name, value] : before) {
    values[name].first = value;
  }
  for (const auto& [name, value] : after) {
    values[name].second = value;
  }
  std::vector<std::string> differences;
  for (const auto& [name, pair] : values) {
    const auto& [was, is] = pair;
    if (was != is) {
      differences.push_back(
          absl::StrCat(name, " ", was.empty() ? "unset" : was, " -> ", is.empty() ? "unset" : is));
    }
  }
  return absl::StrJoin(differences, "; ");
}

std::string Quoted(const std::string& kind, const std::string& name) {
  return absl::StrCat(kind, " \"", name, "\"");
}

}  // namespace

Fields FieldsOf(const Message& message) {
  Fields fields;
  AppendFields(message, "", &fields);
  return fields;
}

std::string NameOf(const api::Object& object) {
  switch (object.object_case()) {
    case api::Object::kPort:
      return Quoted("port", object.port().name());
    case api::Object::kEndpoint:
      return Quoted("endpoint", object.endpoint().name());
    case api::Object::kRoute:
      return Quoted("route", object.route().prefix());
    case api::Object::OBJECT_NOT_SET:
      break;
  }
  return "an object of no known kind";
}

std::string NameOf(const api::Key& key) {
  switch (key.key_case()) {
    case api::Key::kPort:
      return Quoted("port", key.port());
    case api::Key::kEndpoint:
      return Quoted("endpoint", key.endpoint());
    case api::Key::kRoute:
      return Quoted("route", key.route());
    case api::Key::KEY_NOT_SET:
      break;
  }
  return "an object of no known kind";
}

std::string Describe(const api::Change& change) {
  const api::Object& object = change.has_after() ? change.after() : change.before();
  const std::string what = absl::StrCat(change.action(), " ", NameOf(object));
  if (!change.has_after()) {
    return what;
  }
  return change.has_before()
             ? absl::StrCat(
                   what, ": ",
                   Differences(FieldsOfObject(change.before()), FieldsOfObject(change.after())))
             : absl::StrCat(
                   what, ": ",
                   absl::StrJoin(FieldsOfObject(change.after()), " ", absl::PairFormatter("=")));
}

void PrintChanges(const api::ApplyReply& reply, std::ostream& out) {
  for (const api::Change& change : reply.items()) {
    out << Describe(change) << '\n';
  }
  if (reply.items().empty()) {
    out << "nothing to change\n";
  }
  out << "revision " << reply.revision() << '\n';
}

Action AddObject(std::shared_ptr<const api::Object> object) {
  return [object](Session& session) {
    api::ApplyRequest request;
    *request.add_put() = *object;
    request.set_create_only(true);
    const absl::StatusOr<api::ApplyReply> reply = session.api.Apply(request);
    if (reply.ok()) {
      session.output.Print(*reply, [&](std::ostream& out) {
        out << (reply->items().empty() ? NameOf(*object) + " is there already, just so"
                                       : Describe(reply->items(0)))
            << "\nrevision " << reply->revision() << '\n';
      });
    }
    return reply.status();
  };
}

Action RemoveObjects(std::shared_ptr<const api::ApplyRequest> request) {
  return [request](Session& session) {
    const absl::StatusOr<api::ApplyReply> reply = session.api.Apply(*request);
    if (!reply.ok()) {
      return reply.status();
    }
    session.output.Print(*reply, [&](std::ostream& out) {
      for (const api::Key& key : request->remove()) {
        const bool removed = std::any_of(
            reply->items().begin(), reply->items().end(),
            [&](const api::Change& change) { return NameOf(change.before()) == NameOf(key); });
        out << (removed ? "removed " : "there is no ") << NameOf(key) << '\n';
      }
      out << "revision " << reply->revision() << '\n';
    });
    return absl::OkStatus();
  };
}

}  // namespace pollux::ctl
