// What a development server is asked: one request, whichever protocol version carried it.

internal import Bytes

/// A request whose body has arrived whole.
struct ExchangeRequest: Sendable {
    /// A field with its name in lower case.
    struct Field: Sendable, Equatable {
        let name: String
        let value: String
    }

    /// The method, as sent.
    let method: String
    /// The path of the target, nothing decoded.
    let path: String
    /// What follows the first `?` of the target, empty if nothing does.
    let query: String
    /// The fields in the order of their arrival.
    let fields: [Field]
    /// The body without its transfer coding.
    let body: [UInt8]
    /// Whether the client speaks HTTP/1.0, which has no chunks.
    var isHTTP10 = false

    /// Values of all fields called `name`, which is in lower case.
    func values(of name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// Value of the only field called `name`, nil if there is none or more than one.
    func value(of name: String) -> String? {
        let values = values(of: name)
        return values.count == 1 ? values.first : nil
    }

    /// Media type of the body in lower case, without parameters.
    var mediaType: String {
        let value = value(of: "content-type") ?? ""
        let type = value.prefix { $0 != ";" && $0 != " " && $0 != "\t" }
        return type.lowercased()
    }

    /// Whether `Host` names this machine's loopback: a web page that rebinds its own name cannot say so.
    var namesLoopback: Bool {
        guard let host = value(of: "host") else { return false }
        return LoopbackHost.contains(LoopbackHost.host(ofAuthority: host))
    }
}
