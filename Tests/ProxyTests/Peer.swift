// One end of a TCP connection in a test: sends and receives blocking, and breaks off in every way there is.

import Bytes
import Glibc
import Transport

/// A blocking loopback connection; a client of the gateway, or a server's end behind it.
final class Peer: Sendable {
    private let descriptor: CInt

    /// Takes over an accepted descriptor.
    init(owning descriptor: CInt) {
        self.descriptor = descriptor
        wait(seconds: 10)
    }

    /// Connects to a loopback port; `receiveBuffer` bounds what the kernel takes in before anybody reads.
    init(port: UInt16, receiveBuffer: CInt? = nil) {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        if let receiveBuffer { set(SO_RCVBUF, receiveBuffer) }
        var address = sockaddr_in(port: port)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(result == 0, "loopback refuses")
        wait(seconds: 10)
    }

    deinit { close(descriptor) }

    /// Sets how long a receive waits, in seconds.
    func wait(seconds: Int) { set(SO_RCVTIMEO, timeval(tv_sec: seconds, tv_usec: 0)) }

    /// Sends all of `text`; false if the connection is dead.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Sends all of `bytes`; false if the connection is dead.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { memory in
                unsafe Glibc.send(
                    descriptor,
                    memory.baseAddress?.advanced(by: sent),
                    memory.count - sent,
                    CInt(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// How receiving ended.
    enum End: Equatable { case found, closed, reset, silence }

    /// Receives until `end` has come, or nothing more comes.
    func receive(through end: String? = nil, atMost limit: Int = .max) -> (text: String, end: End) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(limit, 64 * 1024))
        let mark = Array((end ?? "").utf8)
        while bytes.count < limit {
            let count = unsafe recv(descriptor, &chunk, min(chunk.count, limit - bytes.count), 0)
            if count == 0 { return (String(decoding: bytes, as: UTF8.self), .closed) }
            if count < 0 {
                return (String(decoding: bytes, as: UTF8.self), errno == EAGAIN ? .silence : .reset)
            }
            bytes += chunk.prefix(count)
            let fresh = bytes.suffix(count + mark.count)
            if !mark.isEmpty, fresh.contains(mark) { return (String(decoding: bytes, as: UTF8.self), .found) }
        }
        return (String(decoding: bytes, as: UTF8.self), .found)
    }

    /// Whether `text` is among what has come and was not received.
    func holds(_ text: String) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        let count = unsafe recv(
            descriptor,
            &bytes,
            bytes.count,
            CInt(MSG_PEEK | MSG_DONTWAIT)
        )
        return bytes.prefix(max(count, 0)).contains(Array(text.utf8))
    }

    /// Receives exactly `count` bytes, fewer if no more come.
    func receiveBytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count < count {
            let got = unsafe recv(descriptor, &chunk, min(chunk.count, count - bytes.count), 0)
            guard got > 0 else { break }
            bytes += chunk.prefix(got)
        }
        return bytes
    }

    /// Receives to the end of a head and not further.
    func receiveHead() -> String {
        var text: [UInt8] = []
        while !text.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            let byte = receiveBytes(1)
            guard !byte.isEmpty else { break }
            text += byte
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Closes the sending side.
    func finishSending() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Ends the connection as a close does, which the last of several owners would do too late.
    func shutDown() { shutdown(descriptor, CInt(SHUT_RDWR)) }

    /// Makes the close at the end of this object's life a reset.
    func resetAtEnd() { set(SO_LINGER, linger(l_onoff: 1, l_linger: 0)) }

    private func set<Value: BitwiseCopyable>(_ option: CInt, _ value: Value) {
        var value = value
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Value>.size))
    }
}

extension sockaddr_in {
    /// A port of 127.0.0.1.
    init(port: UInt16) {
        self.init()
        sin_family = sa_family_t(AF_INET)
        sin_port = port.bigEndian
        sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    }
}
