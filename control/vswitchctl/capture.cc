// vswitchctl capture: packets of the live switch as a pcapng file.
#include <absl/strings/str_cat.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>

#include "control/vswitchctl/commands.h"
#include "control/vswitchctl/observe_flags.h"
#include "control/vswitchctl/pcapng.h"

namespace pollux::ctl {
namespace {

struct CaptureFlags {
  std::shared_ptr<ObserveFlags> observe = std::make_shared<ObserveFlags>();
  std::string file = "-";
};

CapturedPacket PacketOf(const api::Observation& observation) {
  const auto field = [](const char* name, const std::string& value) {
    return value.empty() ? "" : absl::StrCat(" ", name, "=", value);
  };
  return {.interface = observation.ingress().empty() ? "unknown" : observation.ingress(),
          .nanos = observation.nanos(),
          .original_length = observation.frame_length(),
          .data = observation.data(),
          .comment =
              absl::StrCat("step=", observation.step(), " verdict=", observation.verdict(),
                           field("reason", observation.reason()),
                           field("in", observation.ingress()), field("out", observation.egress()),
                           " worker=", observation.worker(), " packet=", observation.packet())};
}

// False: nobody reads any more. A reader that ends is an end like any other, a full disk is not.
bool Flush(std::ostream& out) {
  if (out.flush()) {
    return true;
  }
  if (errno == EPIPE) {
    out.clear();
  }
  return false;
}

absl::Status CaptureTo(std::ostream& out, Session& session, const ObserveFlags& flags) {
  PacketLimit limit(flags);
  // From the first batch on, which comes at once: a request that is refused leaves nothing behind.
  std::optional<PcapngWriter> writer;
  std::uint64_t written = 0;
  std::uint64_t missed = 0;
  const absl::Status status =
      session.api.Capture(flags.request, [&](const api::ObservationBatch& batch) {
        if (!writer) {
          writer.emplace(out, "vswitchctl " POLLUX_VERSION);
        }
        const api::ObservationBatch wanted = limit.Trim(batch);
        for (const api::Observation& observation : wanted.items()) {
          writer->Write(PacketOf(observation));
          ++written;
        }
        missed = batch.missed();
        return Flush(out) && !limit.reached();
      });
  if (!writer) {
    return status;
  }
  session.notes << written << " packets captured, " << missed << " observations missed\n";
  return status;
}

absl::Status Run(Session& session, const CaptureFlags& flags) {
  std::signal(SIGPIPE, SIG_IGN);  // Flush() sees it
  if (!session.output.for_people()) {
    PacketLimit limit(*flags.observe);
    return session.api.Capture(flags.observe->request, [&](const api::ObservationBatch& batch) {
      return session.output.PrintNext(limit.Trim(batch), nullptr) && !limit.reached();
    });
  }
  if (flags.file == "-") {
    return session.output.is_terminal()
               ? absl::InvalidArgumentError(
                     "a capture is no text for a terminal: give -w FILE, or pipe it into "
                     "`tshark -i -` or `wireshark -k -i -`")
               : CaptureTo(session.output.bytes(), session, *flags.observe);
  }
  std::ofstream file(flags.file, std::ios::binary | std::ios::trunc);
  if (!file) {
    return absl::PermissionDeniedError(
        absl::StrCat("-w: cannot write ", flags.file, ": ", std::strerror(errno)));
  }
  const absl::Status status = CaptureTo(file, session, *flags.observe);
  return status.ok() && !file ? absl::UnavailableError(absl::StrCat("-w: cannot write ", flags.file,
                                                                    ": the disk is full?"))
                              : status;
}

}  // namespace

void AddCaptureNoun(CLI::App& app, Chosen& chosen) {
  const auto flags = std::make_shared<CaptureFlags>();
  CLI::App& capture =
      AddVerb(app, "capture",
              "Writes packets of the live switch as pcapng\n"
              "The head of each packet, once after each step that is asked for. Its comment names "
              "step, verdict and ports; its interface is the port that it came from. With -o json "
              "or yaml as text. All conditions that are given must hold. Ends when interrupted.",
              chosen, [flags](Session& session) { return Run(session, *flags); });
  AddObserveFlags(capture, flags->observe);
  AddText(capture, "-w,--write", "FILE", "where to; - is standard output, for a pipe (default: -)",
          [=](const std::string& file) { flags->file = file; });
}

}  // namespace pollux::ctl
