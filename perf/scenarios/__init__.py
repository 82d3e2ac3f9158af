"""Each scenario: cases(settings, peers) -> what is measured, with whom."""
from scenarios import l3_memif, l3_vhost, tap_tcp

SCENARIOS = {"l3-vhost": l3_vhost, "l3-memif": l3_memif, "tap-tcp": tap_tcp}
