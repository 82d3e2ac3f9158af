"""From rounds to the document and the table: medians, spreads, ratios of like with like."""
import datetime
from statistics import median

from lib import machine
from lib.rounds import LOAD_BURST, RING_ENTRIES

MEASURES = ("mpps", "cycles_per_packet", "batch_fill", "loss", "gbps")
OURS = "pollux"


def document(rounds, settings):
    scenarios = [_summary(group) for group in _groups(rounds)]
    return {
        "machine": machine.describe(),
        "mode": sorted({s["mode"] for s in scenarios if s["mode"]}),
        "versions": machine.versions(),
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "settings": {"rounds": settings.rounds, "seconds": settings.seconds,
                     "ring_entries": RING_ENTRIES, "load_burst": LOAD_BURST,
                     "realtime": settings.realtime},
        "scenarios": scenarios,
        "ratios": _ratios(scenarios),
        "rounds": rounds,
    }


def _groups(rounds):
    groups = {}
    for r in rounds:
        groups.setdefault((r["scenario"], r["frame_bytes"]), []).append(r)
    for rows in groups.values():
        mode = _common_mode(rows)
        for peer in dict.fromkeys(r["peer"] for r in rows):
            yield mode, [r for r in rows if r["peer"] == peer]


def _common_mode(rows):
    """The mode in which everyone who was measured has most rounds; near wins a tie."""
    peers = {r["peer"] for r in rows if "error" not in r}

    def rounds_of_all(mode):
        return min((sum(r["peer"] == p and r["mode"] == mode and "error" not in r for r in rows)
                    for p in peers), default=0)
    return max(("near", "far"), key=rounds_of_all)


def _summary(group):
    mode, rows = group
    good = [r for r in rows if "error" not in r and r["mode"] == mode]
    summary = {key: rows[0][key] for key in ("scenario", "peer", "frame_bytes", "flows")}
    summary["name"] = summary.pop("scenario")
    summary |= {"mode": mode, "rounds": len(good), "rounds_left_out": len(rows) - len(good)}
    for measure in MEASURES:
        values = [r[measure] for r in good if r.get(measure) is not None]
        summary[measure] = {"median": median(values), "min": min(values),
                            "max": max(values)} if values else None
    errors = [r["error"] for r in rows if "error" in r]
    if errors:
        summary["error"] = errors[0]
    return summary


def _ratios(scenarios):
    """Ours divided by theirs, by scenario, frame size and measure."""
    ratios = []
    for theirs in scenarios:
        ours = next((s for s in scenarios if s["peer"] == OURS and theirs["peer"] != OURS
                     and (s["name"], s["frame_bytes"]) == (theirs["name"], theirs["frame_bytes"])),
                    None)
        if ours is None:
            continue
        ratio = {m: ours[m]["median"] / theirs[m]["median"]
                 for m in ("cycles_per_packet", "mpps", "gbps")
                 if ours[m] and theirs[m] and theirs[m]["median"]}
        if ratio:
            ratios.append({"name": theirs["name"], "frame_bytes": theirs["frame_bytes"],
                           "peer": theirs["peer"], **ratio})
    return ratios


def table(doc):
    rows = [("scenario", "bytes", "peer", "cycles/packet", "Mpps", "batch", "loss", "Gbit/s",
             "rounds")]
    for s in doc["scenarios"]:
        rows.append((s["name"], str(s["frame_bytes"] or ""), s["peer"],
                     _spread(s["cycles_per_packet"], 0), _spread(s["mpps"], 2),
                     _spread(s["batch_fill"], 1), _percent(s["loss"]), _spread(s["gbps"], 2),
                     f"{s['rounds']} {s['mode']}"))
    lines = _aligned(rows)
    for r in doc["ratios"]:
        size = f" {r['frame_bytes']} B" if r["frame_bytes"] else ""
        parts = ", ".join(f"{r[m]:.2f} x its {m.replace('_', ' ')}"
                          for m in ("cycles_per_packet", "mpps", "gbps") if m in r)
        lines.append(f"{r['name']}{size}: {OURS} takes {parts} ({r['peer']})"
                     if "gbps" not in r else f"{r['name']}: {OURS} has {parts} ({r['peer']})")
    return "\n".join(lines)


def _aligned(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in rows]


def _spread(values, digits):
    if not values:
        return "-"
    low, mid, high = (f"{values[k]:.{digits}f}" for k in ("min", "median", "max"))
    return f"{mid} [{low}-{high}]"


def _percent(values):
    return f"{values['median'] * 100:.3f} %" if values else "-"
