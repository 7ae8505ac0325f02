// What the operating system answered when it did not do what it was asked.

public import Glibc

/// An `errno` and the call that gave it.
public struct SystemError: Error, Equatable, Sendable {
    /// Name of the call.
    public let call: StaticString
    /// The error number.
    public let code: CInt

    /// Makes an error from a call's name and its `errno`.
    public init(_ call: StaticString, _ code: CInt = errno) {
        self.call = call
        self.code = code
    }

    /// Nothing has happened before a deadline.
    public static var timedOut: SystemError { SystemError("connect", ETIMEDOUT) }

    /// What a send on a connection says whose TLS session is of no use any more.
    public static var tlsBroken: SystemError { SystemError("TLS", EPROTO) }

    /// The error in the words of the C library.
    public var reason: String {
        var text = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(code, &text, text.count) == 0 else { return "error \(code)" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Two errors are equal when their numbers are.
    public static func == (left: SystemError, right: SystemError) -> Bool {
        left.code == right.code
    }
}

extension SystemError: CustomStringConvertible {
    /// The call and what went wrong with it.
    public var description: String { "\(call): \(reason)" }
}
