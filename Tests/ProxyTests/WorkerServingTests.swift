// A worker under everything that clients and servers do: order, failures, departures, time, drain, descriptors.

import Bytes
import Glibc
import Policy
import Testing
import Transport

@testable import Proxy

extension WorkerTests {
    @Suite struct `A worker` {
        @Test func `answers fifty pipelined requests in their order, its own answers among them`() throws {
            let server = try ScriptedServer { peer, _, server in
                while let request = server.request(from: peer) {
                    let number = request.firstMatch(of: /n=([0-9]+)/).map { String($0.1) } ?? "?"
                    let chunk = "\(String(number.utf8.count, radix: 16))\r\n\(number)\r\n0\r\n\r\n"
                    peer.send(
                        number.hasSuffix("3")
                            ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
                            : "HTTP/1.1 200 OK\r\nContent-Length: \(number.utf8.count)\r\n\r\n\(number)"
                    )
                }
            }
            let gateway = try TestGateway(servers: [server.port])
            let client = Peer(port: gateway.port)
            var text = ""
            var expected: [String] = []
            for number in 0..<50 {
                switch number % 4 {
                case 0:
                    text += "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                    expected.append("ready")
                case 1:
                    text += "POST /notion HTTP/1.1\r\nHost: gw.example\r\nContent-Length: 4\r\n\r\nbody"
                    expected.append("unauthorized")
                default:
                    text += try gateway.request().replacing("/notion ", with: "/notion?n=\(number) ")
                    expected.append("\(number)")
                }
            }
            text += "GET /nowhere HTTP/1.1\r\nHost: gw.example\r\nConnection: close\r\n\r\n"
            let sent = text
            try Thread.start("sender") { client.send(sent) }
            let answer = client.receive()
            #expect(answer.end == .closed)
            #expect(Self.bodies(of: answer.text) == expected + ["not_found"])
            #expect(server.requests.count == expected.count { UInt8($0) != nil })
            gateway.stop()
            #expect(gateway.logged().split(separator: "\n").count == 51)
        }

        /// The first word of each body.
        private static func bodies(of text: String) -> [String] {
            var words: [String] = []
            for response in text.replacing("HTTP/1.1 ", with: "\u{1}").split(separator: "\u{1}") {
                let body = response.firstRange(of: "\r\n\r\n").map { response[$0.upperBound...] } ?? ""
                if response.contains("chunked") {
                    words.append(body.split(separator: "\r\n").dropFirst().first.map(String.init) ?? "")
                } else if let word = body.firstMatch(of: /"(?:status|error)":"([a-z_]+)"/) {
                    words.append(String(word.1))
                } else {
                    words.append(String(body))
                }
            }
            return words
        }

        /// What a server sends before it closes, the status that the client gets, and whether the answer is cut off.
        @Test(arguments: [
            ("", "502", "upstream_closed"), ("HTTP/1.1 2", "502", "upstream_closed"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "200", "upstream_aborted"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "200", "upstream_aborted"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "200", "upstream_aborted"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n", "200",
                "upstream_malformed"
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
                "200", "upstream_aborted"
            ),
            ("HTTP/1.1 200 OK\r\n\r\nall", "200", "allowed"),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "502", "upstream_malformed"),
            (String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 9), "502", "upstream_malformed"),
            ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 70_000), "502", "upstream_malformed"),
            ("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n\r\n", "502", "upstream_unauthorized"),
            ("HTTP/1.1 302 Found\r\nLocation: https://evil.example\r\n\r\n", "502", "upstream_redirect"),
            ("garbage\r\n\r\n", "502", "upstream_malformed"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab", "502",
                "upstream_malformed"
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n\r\nevil", "200", "allowed"),
        ])
        func `contains what a server breaks`(_ sent: String, _ status: String, _ reason: String) throws {
            let server = try ScriptedServer { peer, _, _ in
                _ = peer.receive(through: "\"ping\"}")
                peer.send(sent)
                peer.finishSending()
                _ = peer.receive()
            }
            let gateway = try TestGateway(servers: [server.port])
            let client = Peer(port: gateway.port)
            client.send(try gateway.post(id: 7))
            let isCut = reason == "upstream_aborted" || status == "200" && reason == "upstream_malformed"
            let (text, end) = isCut ? client.receive() : client.receive(through: "}", atMost: 64_000)
            if isCut { #expect(end == .closed || end == .reset) }
            #expect(text.contains("HTTP/1.1 \(status) "))
            #expect(!text.contains("0\r\n\r\n") || reason == "allowed")
            if status == "502" {
                #expect(text.contains("\"id\":7,\"error\":{\"code\":-32603"))
                #expect(!text.contains("evil") && !text.contains("WWW-Authenticate"))
            }
            gateway.stop()
            let lines = gateway.logged().split(separator: "\n")
            #expect(lines.count == 1)
            #expect(lines.first?.contains("\"reason\":\"\(reason)\"") == true)
        }

        /// How far a client gets before it leaves; `|` marks a pause for the gateway to take what came before.
        @Test(arguments: ["GET /no", "HEAD", "HEAD|BODY", "HEAD|BODY|", "GET|"], [false, true])
        func `ends what it does for a client that leaves`(_ stage: String, _ resets: Bool) throws {
            let message = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
            let served = Flag()
            let server = try ScriptedServer { peer, _, server in
                guard server.request(from: peer) != nil else { return }
                peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
                if peer.receive().end != .silence { served.raise() }
            }
            let gateway = try TestGateway(servers: [server.port])
            do {
                let client = Peer(port: gateway.port)
                for part in stage.split(separator: "|", omittingEmptySubsequences: false) {
                    switch part {
                    case "HEAD":
                        let length = "Content-Length: \(message.utf8.count)\r\n"
                        client.send(try gateway.request("POST", fields: length))
                    case "BODY": client.send(message)
                    case "GET": client.send(try gateway.request())
                    case "": _ = client.receive(through: "data: 1\n\n")
                    default: client.send(String(part))
                    }
                    if stage.contains("|") { Clock.sleep(milliseconds: 20) }
                }
                if resets { client.resetAtEnd() } else { client.finishSending() }
                if !resets { _ = client.receive() }
            }
            #expect(eventually { gateway.status.clients == 0 })
            if stage.hasSuffix("|") { #expect(eventually { served.isUp }) }
            gateway.stop()
            #expect(gateway.logged().split(separator: "\n").count <= 1)
        }

        @Test func `leaves no descriptor behind`() throws {
            let before = openDescriptors()
            try `answers fifty pipelined requests in their order, its own answers among them`()
            for reset in [false, true] {
                try `ends what it does for a client that leaves`("HEAD|BODY|", reset)
            }
            try `contains what a server breaks`("HTTP/1.1 2", "502", "upstream_closed")
            try `tries the next address when one refuses`()
            #expect(eventually { openDescriptors() <= before })
        }

        @Test func `tries the next address when one refuses`() throws {
            let server = try ScriptedServer.answering()
            let gateway = try TestGateway(servers: [server.port], host: "server.test")
            let client = Peer(port: gateway.port)
            client.send(try gateway.request())
            Clock.sleep(milliseconds: 50)
            let addresses = ["127.0.0.2", "127.0.0.1"].compactMap { SocketAddress(host: $0, port: 0) }
            gateway.send(.addresses(host: "server.test", addresses, problem: ""))
            #expect(client.receive(through: "\r\n\r\nok").text.hasPrefix("HTTP/1.1 200 "))
            #expect(server.requests.count == 1)
            gateway.stop()
        }

        @Test func `answers 502 when a name has no address, and 504 when nobody says`() throws {
            for (answers, status) in [(true, "502"), (false, "504")] {
                let gateway = try TestGateway(
                    servers: [1],
                    host: "server.test",
                    connectTimeout: answers ? 5000 : 300
                )
                let client = Peer(port: gateway.port)
                client.send(try gateway.request())
                Clock.sleep(milliseconds: 30)
                if answers { gateway.send(.addresses(host: "server.test", [], problem: "no such name")) }
                #expect(client.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 \(status) "))
                gateway.stop()
            }
        }

        /// What a client sends and then no more; the status.
        @Test(arguments: [
            ("GET /notion HTTP/1.1\r\n", "408"), ("HEAD", "408"), ("GET", "504"), ("LATE KEYS", "200"),
        ])
        func `gives every wait its end`(_ stage: String, _ status: String) throws {
            let server = try ScriptedServer { peer, _, server in
                while server.request(from: peer) != nil {
                    if stage == "LATE KEYS" { peer.send(ok) }
                }
            }
            let gateway = try TestGateway(
                servers: [server.port],
                hasKeys: stage != "LATE KEYS",
                responseTimeout: stage == "GET" ? 300 : 5000
            ) {
                $0.headerTimeout = 300
                $0.bodyTimeout = 300
            }
            let client = Peer(port: gateway.port)
            switch stage {
            case "HEAD": client.send(try gateway.request("POST", fields: "Content-Length: 9\r\n"))
            case "GET", "LATE KEYS": client.send(try gateway.request())
            default: client.send(stage)
            }
            if stage == "LATE KEYS" {
                Clock.sleep(milliseconds: 200)
                gateway.publishKeys()
            }
            #expect(client.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 \(status) "))
            gateway.stop()
        }

        @Test func `drains: the stream goes on, no other connection comes, and the last one ends it`() throws
        {
            let mayEnd = Flag()
            let server = try ScriptedServer { peer, _, server in
                _ = server.request(from: peer)
                peer.send(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                )
                while !mayEnd.isUp { Clock.sleep(milliseconds: 5) }
                peer.send("6\r\ndata\n\n\r\n0\r\n\r\n")
                _ = peer.receive()
            }
            let gateway = try TestGateway(servers: [server.port])
            let idle = Peer(port: gateway.port)
            idle.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = idle.receive(through: "}")
            let client = Peer(port: gateway.port)
            client.send(try gateway.request())
            _ = client.receive(through: "\r\n\r\n")
            gateway.send(.drain(isHandedOver: false))
            #expect(idle.receive().end == .closed)
            #expect(!gateway.status.hasDrained)
            mayEnd.raise()
            let (text, end) = client.receive()
            #expect(text.hasSuffix("0\r\n\r\n") && end == .closed)
            #expect(eventually { gateway.status.hasDrained })
            gateway.stop()
        }

        @Test func `drains: a connection that was owed the rest of a body closes when it has come`() throws {
            let gateway = try TestGateway(servers: [1])
            let client = Peer(port: gateway.port)
            client.send("POST /notion HTTP/1.1\r\nHost: gw.example\r\nContent-Length: 4\r\n\r\n")
            #expect(client.receive(through: "}").text.contains("401"))
            gateway.send(.drain(isHandedOver: false))
            Clock.sleep(milliseconds: 50)
            client.send("body")
            #expect(client.receive().end == .closed)
            #expect(eventually { gateway.status.hasDrained })
            gateway.stop()
        }

        @Test func `gives a request whose head did not come in time an id of its own`() throws {
            let gateway = try TestGateway(servers: [1]) { $0.headerTimeout = 100 }
            for _ in 0..<2 {
                let client = Peer(port: gateway.port)
                client.send("GET")
                #expect(client.receive(through: "}").text.hasPrefix("HTTP/1.1 408 "))
            }
            gateway.stop()
            let identifiers = gateway.logged().matches(of: /"request_id":"([0-9a-f]{32})"/).map { $0.1 }
            #expect(Set(identifiers).count == 2)
        }

        @Test func `relays eight million octets both ways unchanged, past every mark`() throws {
            let size = 8_000_000
            let start = #"{"jsonrpc":"2.0","method":"notifications/x","params":{"x":""#
            let end = #""}}"#
            let padding = (0..<size - start.utf8.count - end.utf8.count).map {
                UInt8($0 &* 31 >> 3 & 15) + 0x41
            }
            let body = Array(start.utf8) + padding + Array(end.utf8)
            let server = try ScriptedServer { peer, _, server in
                _ = server.request(from: peer)
                let got = peer.receiveBytes(size)
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(got.count)\r\n\r\n")
                peer.send(got)
                _ = peer.receive()
            }
            let gateway = try TestGateway(servers: [server.port]) { $0.bodyBytes = 16_000_000 }
            let client = Peer(port: gateway.port, receiveBuffer: 65_536)
            let head = try gateway.request("POST", fields: "Content-Length: \(size)\r\n")
            try Thread.start("sender") {
                client.send(head)
                client.send(body)
            }
            _ = client.receiveHead()
            #expect(client.receiveBytes(size) == body)
            gateway.stop()
        }

        /// In a process of its own: no other test finds the descriptors taken.
        @Test func `pauses accepting when descriptors run out, and goes on when there are some again`() async
        {
            await #expect(processExitsWith: .success) {
                let gateway = try TestGateway(servers: [1])
                var old = rlimit()
                unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &old)
                let client = Peer(port: gateway.port)
                #expect(eventually { gateway.status.clients == 1 })
                let highest = (0..<1024).last { fcntl(CInt($0), F_GETFD) >= 0 } ?? 0
                var tight = rlimit(rlim_cur: rlim_t(highest + 2), rlim_max: old.rlim_max)
                var fillers: [CInt] = []
                unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &tight)
                while case let filler = dup(0), filler >= 0 { fillers.append(filler) }
                close(fillers.removeLast())
                // The last descriptor is the client's own end; the worker finds none.
                let second = Peer(port: gateway.port)
                second.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                Clock.sleep(milliseconds: 200)
                #expect(gateway.status.clients == 1)
                for filler in fillers { close(filler) }
                unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &old)
                #expect(second.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 200 "))
                client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(client.receive(through: "\r\n\r\n").text.hasPrefix("HTTP/1.1 200 "))
                gateway.stop()
            }
        }
    }
}
