// The text formats that Prometheus reads.

internal import Bytes
internal import HTTP

/// A format for metrics.
enum MetricsFormat: Sendable, CaseIterable {
    /// The text format of Prometheus, version 0.0.4.
    case prometheus
    /// OpenMetrics, version 1.0.0.
    case openMetrics

    /// The value of `Content-Type`.
    var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// The format that a reader likes best, by its `Accept` (RFC 9110 §12.5.1): OpenMetrics only for those that name it,
    /// and not less than plain text.
    init(accepting accept: String) {
        var open = 0.0
        var plain = 0.0
        for element in accept.lowercased().split(separator: ",") {
            let parts = element.split(separator: ";").map { Self.trimmed($0) }
            guard let type = parts.first else { continue }
            let parameters = parts.dropFirst().map {
                $0.split(separator: "=", maxSplits: 1).map(Self.trimmed)
            }
            let value = { (name: String) in parameters.first { $0.count == 2 && $0[0] == name }?[1] }
            let quality = value("q").map { Double($0) ?? 0 } ?? 1
            switch type {
            case "application/openmetrics-text":
                let version = value("version") ?? "1.0.0"
                if version == "1.0.0" || version == "0.0.1" { open = max(open, quality) }
            case "text/plain", "text/*", "*/*": plain = max(plain, quality)
            default: break
            }
        }
        self = open > 0 && open >= plain ? .openMetrics : .prometheus
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var text = Substring(text)
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }
}

/// Writes metrics, one family after the other.
struct MetricsText: ~Copyable {
    /// What kind of metric a family is.
    enum Kind {
        case counter
        case gauge
        case histogram
        /// A gauge that is always 1, for its labels.
        case info

        fileprivate var name: StaticString {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            case .info: "info"
            }
        }
    }

    private let format: MetricsFormat
    private var buffer = ByteBuffer()
    private var family: StaticString = ""
    private var kind = Kind.gauge

    /// Starts a text.
    init(_ format: MetricsFormat) {
        self.format = format
    }

    /// Ends the text.
    consuming func finish() -> [UInt8] {
        if format == .openMetrics { buffer.append("# EOF\n") }
        return Array(copying: buffer.span)
    }

    /// Begins a family; its samples follow.
    ///
    /// - Parameters:
    ///   - name: Its name, without the suffix of its kind, with the unit at its end if there is one.
    ///   - kind: What it is.
    ///   - help: What it says, free of line ends and backslashes.
    ///   - unit: Its unit, nil for plain numbers.
    mutating func family(
        _ name: StaticString,
        _ kind: Kind,
        _ help: StaticString,
        unit: StaticString? = nil
    ) {
        family = name
        self.kind = kind
        comment("HELP", help)
        switch (kind, format) {
        case (.info, .prometheus): comment("TYPE", "gauge")
        default: comment("TYPE", kind.name)
        }
        if let unit, format == .openMetrics { comment("UNIT", unit) }
    }

    private mutating func comment(_ what: StaticString, _ text: StaticString) {
        buffer.append("# ")
        buffer.append(what)
        buffer.append(" ")
        buffer.append(family)
        // OpenMetrics describes the family, the older format its samples.
        if format == .prometheus { appendSuffix() }
        buffer.append(" ")
        buffer.append(text)
        buffer.append("\n")
    }

    private mutating func appendSuffix() {
        switch kind {
        case .counter: buffer.append("_total")
        case .info: buffer.append("_info")
        case .gauge, .histogram: break
        }
    }

    /// Writes a sample of a counter, a gauge or an info.
    mutating func sample(_ value: Int, _ labels: KeyValuePairs<StaticString, String> = [:]) {
        begin(labels)
        buffer.append("\(value)")
        buffer.append("\n")
    }

    /// Writes a sample of a time in microseconds, as seconds.
    mutating func sample(microseconds: Int, _ labels: KeyValuePairs<StaticString, String> = [:]) {
        begin(labels)
        appendSeconds(microseconds)
        buffer.append("\n")
    }

    private mutating func begin(_ labels: KeyValuePairs<StaticString, String>) {
        buffer.append(family)
        appendSuffix()
        append(labels)
        buffer.append(" ")
    }

    /// Writes a histogram.
    ///
    /// - Parameters:
    ///   - bounds: The upper bounds of the classes in microseconds.
    ///   - counts: How many are in each class, the last of them for what is above all bounds.
    ///   - sum: The sum of all in microseconds.
    mutating func histogram(
        bounds: [Int],
        counts: ArraySlice<Int>,
        sum: Int,
        _ labels: KeyValuePairs<StaticString, String>
    ) {
        var total = 0
        for (index, count) in counts.enumerated() {
            total += count
            buffer.append(family)
            buffer.append("_bucket")
            append(labels, bound: .some(index < bounds.count ? bounds[index] : nil))
            buffer.append(" \(total)\n")
        }
        for (suffix, isSum) in [("_sum", true), ("_count", false)] {
            buffer.append(family)
            buffer.append(suffix)
            append(labels)
            buffer.append(" ")
            if isSum { appendSeconds(sum) } else { buffer.append("\(total)") }
            buffer.append("\n")
        }
    }

    /// Appends labels; `bound` is that of a class of a histogram, infinite where it is nil inside.
    private mutating func append(_ labels: KeyValuePairs<StaticString, String>, bound: Int?? = nil) {
        guard !labels.isEmpty || bound != nil else { return }
        buffer.append("{")
        var isFirst = true
        for (name, value) in labels {
            if !isFirst { buffer.append(",") }
            isFirst = false
            buffer.append(name)
            buffer.append("=\"")
            escape(value)
            buffer.append("\"")
        }
        if let bound {
            buffer.append(isFirst ? "le=\"" : ",le=\"")
            if let bound { appendBound(bound) } else { buffer.append("+Inf") }
            buffer.append("\"")
        }
        buffer.append("}")
    }

    private mutating func escape(_ value: String) {
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): buffer.append("\\\\")
            case UInt8(ascii: "\""): buffer.append("\\\"")
            case UInt8(ascii: "\n"): buffer.append("\\n")
            default: buffer.append(byte)
            }
        }
    }

    /// Seconds with six digits behind the point.
    private mutating func appendSeconds(_ microseconds: Int) {
        let (whole, part) = max(microseconds, 0).quotientAndRemainder(dividingBy: 1_000_000)
        buffer.append("\(whole).\(String(part + 1_000_000).dropFirst())")
    }

    /// Seconds with as few digits as there may be, and one at least: both formats read the same label then.
    private mutating func appendBound(_ microseconds: Int) {
        let (whole, part) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        var digits = String(part + 1_000_000).dropFirst()
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        buffer.append("\(whole).\(digits)")
    }
}
