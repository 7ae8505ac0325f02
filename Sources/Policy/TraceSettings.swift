// Which requests are traced, and where their spans go.

public import HTTP

/// The settings of tracing.
public final class TraceSettings: Sendable {
    /// A field of the requests that carry spans.
    public struct Field: Sendable {
        /// The name.
        public let name: String
        /// The value, a secret, free of line ends.
        public let value: String

        /// Makes a field out of checked parts.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Where spans are posted to (OTLP over HTTP).
    public let endpoint: HTTPURL
    /// How the collector is connected to; nil for a cleartext endpoint.
    public let tls: UpstreamTLS?
    /// Further fields of the requests, for collectors that want to know who sends.
    public let fields: [Field]
    /// `service.name` of the spans.
    public let serviceName: String
    /// Which of the traces that begin here are recorded.
    public let sample: SampleRate

    /// Name of the service unless something else is said.
    public static let defaultServiceName = "audgate"

    /// Makes settings out of checked parts.
    public init(
        endpoint: HTTPURL,
        tls: UpstreamTLS? = nil,
        fields: [Field] = [],
        serviceName: String = defaultServiceName,
        sample: SampleRate = .all
    ) {
        self.endpoint = endpoint
        self.tls = tls
        self.fields = fields
        self.serviceName = serviceName
        self.sample = sample
    }
}

/// Which share of traces is recorded. Everybody with the same share chooses the same traces, as the choice depends on
/// the trace id alone: on its last 56 bits, which are random (W3C Trace Context Level 2, §3.2.2.3).
public struct SampleRate: Sendable, Equatable {
    /// Bits of a trace id that count.
    private static let bits: UInt64 = 56

    /// The smallest number that is chosen.
    private let threshold: UInt64

    /// Every trace.
    public static let all = SampleRate(threshold: 0)

    private init(threshold: UInt64) {
        self.threshold = threshold
    }

    /// Chooses `share` of all traces; nil unless it is from 0, none, to 1, all.
    public init?(_ share: Double) {
        guard share >= 0, share <= 1 else { return nil }
        let whole = Double(UInt64(1) << Self.bits)
        threshold = UInt64((whole - share * whole).rounded())
    }

    /// Whether a trace is chosen.
    ///
    /// - Parameter identifier: The last 64 bits of its id.
    public func chooses(_ identifier: UInt64) -> Bool {
        identifier & (1 << Self.bits - 1) >= threshold
    }
}
