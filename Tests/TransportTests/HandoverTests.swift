// What one process hands to another: programs with chosen descriptors, messages, and what the environment says of both.

import Glibc
import Testing

@testable import Transport

@Suite struct PassedDescriptorTests {
    private func upgrade(_ value: String?) throws(PassedDescriptorError) -> Range<CInt>? {
        try PassedDescriptors.ofUpgrade({ $0 == "AUDGATE_UPGRADE" ? value : nil }, parent: 4711)
    }

    private func activation(_ pid: String?, _ count: String?) throws(PassedDescriptorError) -> Range<CInt>? {
        try PassedDescriptors.ofActivation(
            { ["LISTEN_PID": pid, "LISTEN_FDS": count][$0] ?? nil },
            process: 4711
        )
    }

    @Test func `sockets of an upgrade follow the connection`() throws {
        #expect(try upgrade(nil) == nil)
        #expect(try upgrade("4711:0") == 4..<4)
        #expect(try upgrade("4711:1") == 4..<5)
        #expect(try upgrade("4711:100000") == 4..<100_004)
    }

    @Test(arguments: [
        "", ":", "4711", "4711:", ":1", "4711:1:", "4711:1:1", "4711:-1", "4711:+1", "4711: 1", "4711:1 ",
        "4711:0x1", "-4711:1", "4711:99999999999", "4711:100001", "4712:1", "471:1", "4711:1\n", "٤٧١١:1",
    ])
    func `another value of the variable of an upgrade is an error`(value: String) {
        let error = #expect(throws: PassedDescriptorError.self) { try upgrade(value) }
        #expect(error?.variable == "AUDGATE_UPGRADE")
    }

    @Test func `sockets of systemd begin at three, and are for one process`() throws {
        #expect(try activation("4711", "2") == 3..<5)
        #expect(try activation(nil, "2") == nil)
        #expect(try activation("4712", "2") == nil)
        #expect(try activation("4712", "nonsense") == nil)
    }

    @Test(arguments: [
        ("4711", nil), ("4711", ""), ("4711", "0"), ("4711", "-1"), ("4711", "2 "), ("4711", "100001"),
        ("", "1"), ("x", "1"), ("4711x", "1"),
    ])
    func `another value of the variables of systemd is an error`(pid: String, count: String?) {
        #expect(throws: PassedDescriptorError.self) { try activation(pid, count) }
    }
}

@Suite struct ProgramFileTests {
    struct Row: CustomTestStringConvertible {
        let command: String
        let searchPath: String
        let running: String?
        let files: Set<String>
        let expected: String?

        var testDescription: String { "\(command) → \(expected ?? "nothing")" }
    }

    static let rows = [
        // A path leads where it leads now.
        Row(
            command: "/opt/now/audgate",
            searchPath: "",
            running: "/opt/1/audgate",
            files: ["/opt/now/audgate", "/opt/1/audgate"],
            expected: "/opt/now/audgate"
        ),
        Row(
            command: "./audgate",
            searchPath: "/bin",
            running: nil,
            files: ["./audgate"],
            expected: "./audgate"
        ),
        // A name is looked for as a shell does.
        Row(
            command: "audgate",
            searchPath: "/bin:/usr/bin",
            running: "/usr/bin/audgate",
            files: ["/usr/bin/audgate"],
            expected: "/usr/bin/audgate"
        ),
        Row(
            command: "audgate",
            searchPath: "/bin:/usr/bin",
            running: nil,
            files: ["/bin/audgate", "/usr/bin/audgate"],
            expected: "/bin/audgate"
        ),
        // Without either, what runs; Linux says that its file was replaced.
        Row(
            command: "renamed",
            searchPath: "/bin",
            running: "/opt/audgate",
            files: ["/opt/audgate"],
            expected: "/opt/audgate"
        ),
        Row(
            command: "",
            searchPath: "",
            running: "/opt/audgate (deleted)",
            files: ["/opt/audgate"],
            expected: "/opt/audgate"
        ),
        Row(
            command: "",
            searchPath: "",
            running: "/opt/audgate (deleted)",
            files: ["/opt/audgate (deleted)", "/opt/audgate"],
            expected: "/opt/audgate (deleted)"
        ),
        Row(command: "audgate", searchPath: "", running: nil, files: ["audgate"], expected: nil),
        Row(command: "/x", searchPath: "/bin", running: "/y (deleted)", files: ["/bin/x"], expected: nil),
    ]

    @Test(arguments: rows)
    func `the program is the one that the command means now`(row: Row) {
        let found = ProgramFile.find(
            command: row.command,
            searchPath: row.searchPath,
            running: row.running
        ) { row.files.contains($0) }
        #expect(found == row.expected)
    }

    @Test func `a folder and a file that is no program are none`() {
        #expect(ProgramFile.current(command: "/bin/sh") == "/bin/sh")
        // What runs is the tests, whatever they are called.
        #expect(ProgramFile.current(command: "/tmp") == ProgramFile.current(command: "/no/such/file"))
    }
}

@Suite struct MessageSocketTests {
    @Test func `messages keep their borders, and the end is seen after the last`() throws {
        var ends: (MessageSocket, MessageSocket)? = try MessageSocket.pair()
        let near = try #require(ends).0
        #expect(near.receive() == .nothing)
        #expect(!near.isClosed)
        for text in ["one", "two"] { #expect(try #require(ends).1.send(Array(text.utf8))) }
        #expect(near.receive() == .message(Array("one".utf8)))
        ends = nil
        #expect(near.isClosed)
        #expect(near.receive() == .message(Array("two".utf8)))
        #expect(near.receive() == .closed)
        #expect(!near.send([1]))
    }

    @Test func `the longest message arrives whole, a longer one is not sent`() throws {
        let (near, far) = try MessageSocket.pair()
        let longest = (0..<MessageSocket.maximumLength).map { UInt8(truncatingIfNeeded: $0) }
        #expect(near.send(longest))
        #expect(far.receive() == .message(longest))
        #expect(!near.send(longest + [0]))
        #expect(far.receive() == .nothing)
    }

    @Test func `only an end of such a connection is adopted, and it no longer blocks`() throws {
        let (near, far) = try MessageSocket.pair()
        let copy = fcntl(far.descriptor, F_DUPFD, 0)
        _ = fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) & ~O_NONBLOCK)
        let adopted = try #require(MessageSocket.adopt(copy))
        #expect(adopted.receive() == .nothing)
        #expect(near.send([7]))
        #expect(adopted.receive() == .message([7]))
        let listener = try listening(on: "127.0.0.1:0")
        #expect(MessageSocket.adopt(listener.socket.descriptor) == nil)
        #expect(MessageSocket.adopt(-1) == nil)
    }
}

@Suite struct ChildProcessTests {
    private func run(_ script: String, passing extra: [CInt] = []) throws -> (said: String, end: ProcessEnd) {
        let (near, far) = try MessageSocket.pair()
        var child = try ChildProcess.start(
            "/bin/sh",
            arguments: ["sh", "-c", script],
            environment: EnvironmentChange(removing: ["HOME"], adding: ["GIVEN=a=b c"]),
            descriptors: [far.descriptor] + extra
        )
        var ended: ProcessEnd?
        for _ in 0..<1000 where ended == nil {
            ended = child.ended()
            Clock.sleep(milliseconds: 5)
        }
        let end = try #require(ended)
        guard case .message(let text) = near.receive() else { return ("", end) }
        return (String(decoding: text, as: UTF8.self), end)
    }

    @Test func `it has the standard descriptors and what was passed, in this order, and no other`() throws {
        let listener = try listening(on: "127.0.0.1:0")
        // In the way: numbers that the passed ones get in the child.
        let extra = [listener.socket.descriptor, listener.socket.descriptor]
        let script =
            #"i=0; while [ $i -lt 400 ]; do [ -e /proc/$$/fd/$i ] && o="$o $i"; i=$((i+1)); done; "#
            + #"printf '%s' "$o" >&3"#
        #expect(try run(script, passing: extra).said == " 0 1 2 3 4 5")
        let sockets = try run(#"readlink /proc/$$/fd/4 >&3"#, passing: extra).said
        #expect(sockets == "socket:[\(listener.identity)]\n")
    }

    @Test func `its environment is this one but for what was said`() throws {
        #expect(try run(#"printf '%s' "$GIVEN|$HOME|${PATH:+path}" >&3"#).said == "a=b c||path")
    }

    @Test func `it blocks and ignores no signal that this process does`() throws {
        var signals = sigset_t()
        _ = unsafe sigaddset(&signals, SIGTERM)
        _ = unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        defer { _ = unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil) }
        let said = try run(#"grep SigBlk /proc/self/status >&3"#).said
        #expect(said.hasSuffix("0000000000000000\n"))
    }

    @Test func `its end is told as it was`() throws {
        #expect(try run("exit 7").end == .exited(7))
        #expect(try run("kill -9 $$").end == .killed(signal: 9))
    }

    @Test func `it can be ended, and leaves no zombie`() throws {
        var child = try ChildProcess.start(
            "/bin/sleep",
            arguments: ["sleep", "1000"],
            environment: EnvironmentChange(removing: [], adding: []),
            descriptors: []
        )
        let before = child.ended()
        #expect(before == nil)
        child.kill()
        let after = child.ended()
        #expect(after == .killed(signal: 9))
        #expect(kill(child.id, 0) == -1)
        child.kill()
    }

    @Test(arguments: ["/no/such/program", "/tmp", "/etc/hostname"])
    func `what cannot be started is an error`(path: String) {
        #expect(throws: SystemError.self) {
            try ChildProcess.start(
                path,
                arguments: ["x"],
                environment: EnvironmentChange(removing: [], adding: []),
                descriptors: []
            )
        }
    }
}

@Suite struct NotifySocketTests {
    /// A socket that receives datagrams at `name`, where a leading @ stands for the abstract space.
    private func receiver(_ name: String) throws -> CInt {
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name.utf8) }
        if name.hasPrefix("@") { address.sun_path.0 = 0 }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.bind(descriptor, $0, length)
            }
        }
        try #require(result == 0)
        return descriptor
    }

    @Test(arguments: ["path", "abstract"])
    func `a text arrives as one datagram`(kind: String) throws {
        let name = kind == "path" ? temporaryPath("notify") : "@audgate-\(getpid())-notify"
        let descriptor = try receiver(name)
        defer {
            close(descriptor)
            _ = unsafe unlink(name)
        }
        try #require(NotifySocket(name)).send("READY=1\nSTATUS=Ümläut.")
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = unsafe recv(descriptor, &bytes, bytes.count, CInt(MSG_DONTWAIT))
        #expect(String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self) == "READY=1\nSTATUS=Ümläut.")
    }

    @Test func `names of 107 octets fit, others are none`() {
        #expect(NotifySocket("/" + String(repeating: "x", count: 106)) != nil)
        for name in ["/" + String(repeating: "x", count: 107), "", "/", "@", "name", "vsock:1:2", "/a\0b"] {
            #expect(NotifySocket(name) == nil)
        }
    }

    @Test func `nobody there is an error`() throws {
        let socket = try #require(NotifySocket(temporaryPath("nobody")))
        #expect(throws: SystemError.self) { try socket.send("READY=1") }
    }
}
