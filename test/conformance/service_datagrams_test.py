#!/usr/bin/env python3
"""Clients of a Service by UDP, while its endpoints come and go: with real pods and real sockets."""

import socket

import services_test as services
import pollux_testlib as lib


class Datagrams(services.ServicesTest):
    """A client that sends from one port again and again follows the endpoints as they come and go
    (kubernetes/kubernetes issues 105657 and 59368, test/e2e/network/conntrack.go)."""

    service = services.node_port({"ports": services.UDP})
    # (who asks, from which address, address, port)
    clients_of = [("pod1", "10.1.0.1", services.VIP, 53),
                  ("world", services.WORLD, services.NODE, 30053)]

    def setUp(self):
        super().setUp()
        self.questions = []
        for who, own, address, port in self.clients_of:
            question = self.clients[who].socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(question.close)
            question.bind((own, 12345))
            question.settimeout(1.0)
            question.connect((address, port))
            self.questions.append(question)

    def answers(self):
        """Who answers each of the clients."""
        found = []
        for question in self.questions:
            try:
                question.send(b"?")
                found.append(question.recv(100).decode().split()[0])
            except ConnectionRefusedError:
                found.append("refused")
            except TimeoutError:
                found.append("silence")
        return found

    def follow(self, *stages):
        for endpoints, expected in stages:
            self.apply([self.service, *endpoints])
            for _ in range(3):
                self.assertEqual(self.answers(), [expected] * len(self.questions))

    def test_the_only_endpoint_is_replaced(self):
        self.follow((services.web_pods(["pod2"]), "pod2"), (services.web_pods(["pod3"]), "pod3"),
                    (services.web_pods(["far2"]), "far2"), (services.web_pods(["pod2"]), "pod2"))

    def test_the_first_endpoint_comes_after_the_client(self):
        self.follow(([], "refused"), (services.web_pods(["pod2"]), "pod2"))

    def test_an_endpoint_gets_ready(self):
        self.follow((services.web_pods(["pod2"], unready=["pod2"]), "refused"),
                    (services.web_pods(["pod2"]), "pod2"))

    def test_all_endpoints_go_and_come_back(self):
        self.follow((services.web_pods(["pod3"]), "pod3"), ([], "refused"), (services.web_pods(["pod3"]), "pod3"))

    def test_the_service_comes_after_the_client(self):
        self.apply(services.web_pods(["pod2"]))
        self.answers()  # of whoever has the address, if anybody has
        self.follow((services.web_pods(["pod2"]), "pod2"))


if __name__ == "__main__":
    lib.main()
