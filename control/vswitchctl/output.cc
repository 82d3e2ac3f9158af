#include "control/vswitchctl/output.h"

#include "control/vswitchctl/document.h"

namespace pollux::ctl {

void Output::Print(const google::protobuf::Message& reply, const ForPeople& for_people) {
  switch (format_.value_or(Format::kTable)) {
    case Format::kJson:
      out_ << ToJson(reply);
      break;
    case Format::kYaml:
      out_ << ToYaml(reply);
      break;
    case Format::kTable:
      for_people(out_);
      break;
  }
  out_.flush();
}

bool Output::PrintNext(const google::protobuf::Message& message, const ForPeople& for_people) {
  switch (format_.value_or(Format::kTable)) {
    case Format::kJson:
      out_ << ToJsonLine(message);
      break;
    case Format::kYaml:
      out_ << "---\n" << ToYaml(message);
      break;
    case Format::kTable:
      for_people(out_);
      break;
  }
  out_.flush();
  return out_.good();
}

}  // namespace pollux::ctl
