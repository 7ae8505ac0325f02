// Which part of the status is asked for.

internal import Bytes

/// The parameters of `/status.json`. What is not understood counts as not said.
struct StatusQuery: Sendable {
    /// The order of routes.
    enum Order: String, Sendable {
        /// Those with the most refused requests first.
        case refused
        /// Those with the most requests first.
        case traffic
        /// By resource.
        case name
    }

    /// Most routes in one answer.
    static let maximumRoutes = 1000
    /// Most octets of a filter.
    static let maximumFilter = 256

    /// Most routes that are wanted.
    var routes = 200
    /// How many routes to skip.
    var offset = 0
    /// The order of routes.
    var order = Order.traffic
    /// A text that the resources of routes have somewhere, whatever the case of its letters; empty for all routes.
    var filter = ""

    /// Reads a query, without its question mark.
    init(_ query: String = "") {
        for parameter in query.split(separator: "&") {
            let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = Self.decode(parts[1]) else { continue }
            switch parts[0] {
            case "routes": if let count = Int(value) { routes = min(max(count, 0), Self.maximumRoutes) }
            case "offset": if let count = Int(value) { offset = max(count, 0) }
            case "sort": order = Order(rawValue: value) ?? order
            case "filter" where value.utf8.count <= Self.maximumFilter: filter = value.lowercased()
            default: break
            }
        }
    }

    /// `text` with `+` and escapes resolved, nil if it does not come out as UTF-8.
    private static func decode(_ text: Substring) -> String? {
        var octets: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let octet = rest.popFirst() {
            switch octet {
            case UInt8(ascii: "+"): octets.append(ASCII.space)
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(ASCII.hexValue),
                    let low = rest.popFirst().flatMap(ASCII.hexValue)
                else { return nil }
                octets.append(high << 4 | low)
            default: octets.append(octet)
            }
        }
        return String(validating: octets.span)
    }
}
