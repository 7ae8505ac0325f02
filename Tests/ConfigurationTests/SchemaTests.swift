// Holds docs/gateway.schema.json and the compiler together, in both directions.

import Bytes
import Glibc
import JOSE
import JSON
import MCP
import OpenSSL
import Policy
import Testing

@testable import Configuration

@Suite struct SchemaTests {
    /// Name of each definition in the schema, empty for the schema itself, with the members that the compiler knows.
    static let objects: [(definition: String, members: [String])] = [
        ("", RootMember.names), ("included", IncludedMember.names), ("listener", ListenerMember.names),
        ("issuer", IssuerMember.names), ("keys", KeysMember.names), ("route", RouteMember.names),
        ("match", MatchMember.names), ("upstream", UpstreamMember.names), ("limits", LimitMember.names),
        ("log", LogMember.names), ("log_file", LogFileMember.names), ("development", DevelopmentMember.names),
        ("servers", DevelopmentServerMember.names), ("listener_tls", ListenerTLSMember.names),
        ("certificate", CertificateMember.names), ("client_certificate", ClientCertificateMember.names),
        ("client_certificates", ClientCertificatesMember.names), ("client_tls", ClientTLSMember.names),
        ("secret", SecretMember.names), ("traces", TracesMember.names), ("admin", AdminMember.names),
        ("health", HealthMember.names),
        ("ejection", EjectionMember.names), ("endpoint_limits", EndpointLimitMember.names),
        ("rates", RatesMember.names), ("rate", RateMember.names),
    ]

    let schema: JSONObject
    let definitions: JSONObject

    init() throws {
        let path = CheckedInConfigurationTests.project + "/docs/gateway.schema.json"
        let text = try ConfigurationFile.read(path).get().text
        schema = try #require(try JSONReader.read(text.span).object)
        definitions = try #require(schema["$defs"]?.object)
    }

    private func definition(_ name: String) throws -> JSONObject {
        try #require(name.isEmpty ? schema : definitions[name]?.object)
    }

    private func property(_ definition: String, _ name: String) throws -> JSONObject {
        try #require(try self.definition(definition)["properties"]?.object?[name]?.object)
    }

    @Test func `describes exactly the members that the compiler reads`() throws {
        for (name, members) in Self.objects {
            let object = try definition(name)
            let properties = try #require(object["properties"]?.object)
            #expect(Set(properties.members.map(\.name)) == Set(members), "\(name)")
            #expect(object["additionalProperties"]?.bool == false, "\(name)")
            for member in properties.members {
                let description = member.value.object?["description"] ?? member.value.object?["$ref"]
                #expect(description?.string?.isEmpty == false, "\(name).\(member.name)")
            }
        }
    }

    @Test func `defines no object that the compiler does not read`() {
        let objects = definitions.members.filter { $0.value.object?["properties"] != nil }.map(\.name)
        #expect(Set(objects) == Set(Self.objects.map(\.definition)).subtracting([""]))
    }

    @Test func `lists the same words`() throws {
        func words(_ value: JSONValue?) -> Set<String> { Set(value?.object?["enum"]?.strings ?? []) }
        let algorithms = try property("issuer", "algorithms")
        #expect(words(algorithms["items"]) == Set(SignatureAlgorithm.allCases.map(\.rawValue)))
        #expect(
            Set(algorithms["default"]?.strings ?? []) == Set(TokenRules.defaultAlgorithms.map(\.rawValue))
        )
        let level = try property("log", "level")
        #expect(level["enum"]?.strings == LogSettings.Level.allCases.map(\.rawValue))
        let credentials = try property("upstream", "credentials")
        #expect(credentials["enum"]?.strings == UpstreamCredentials.allCases.map(\.rawValue))
        let sessions = try property("route", "sessions")
        #expect(sessions["enum"]?.strings == SessionMode.allCases.map(\.rawValue))
        #expect(sessions["default"]?.string == SessionMode.sealed.rawValue)
        let version = try property("listener_tls", "minimum_version")
        #expect(version["enum"]?.strings == TLSVersion.allCases.map(\.rawValue))
        #expect(version["default"]?.string == ListenerTLSObject.defaultMinimumVersion.rawValue)
        let mode = try property("client_certificates", "mode")
        #expect(mode["enum"]?.strings == ClientCertificateMode.allCases.map(\.rawValue))
        #expect(mode["default"]?.string == ListenerTLSObject.defaultClientMode.rawValue)
    }

    @Test func `gives the same defaults and bounds for limits`() throws {
        for name in LimitMember.allCases {
            let property = try property("limits", name.rawValue)
            guard let row = name.row else { continue }
            let value = Limits()[keyPath: row.limit]
            if let quantity = row.quantity {
                #expect(property["default"]?.string.flatMap(quantity.parse) == value, "\(name)")
                let text = try #require(property["description"]?.string)
                #expect(text.contains(quantity.text(row.bounds.upperBound)), "\(name)")
            } else {
                #expect(property["default"]?.number?.integer == value, "\(name)")
                #expect(property["minimum"]?.number?.integer == row.bounds.lowerBound, "\(name)")
                #expect(property["maximum"]?.number?.integer == row.bounds.upperBound, "\(name)")
            }
        }
    }

    @Test func `gives the same defaults and bounds for rates`() throws {
        func rate(_ name: String) throws -> Rate? {
            let value = try property("rates", name)["default"]
            guard let object = value?.object, let count = object["count"]?.number?.integer,
                let period = object["per"]?.string.flatMap(Quantity.duration.parse)
            else {
                #expect(value?.string == Rate.off, "\(name)")
                return nil
            }
            return Rate(count: count, period: period, burst: object["burst"]?.number?.integer)
        }
        let rates = RateLimits()
        #expect(try rate("principal") == rates.principal)
        #expect(try rate("client") == rates.client)
        #expect(try rate("refusals") == rates.refusals)
        #expect(try rate("handshakes") == rates.handshakes)
        #expect(try property("rates", "tools")["default"]?.object?.members.isEmpty == rates.tools.isEmpty)
        for name in ["count", "burst"] {
            #expect(try property("rate", name)["minimum"]?.number?.integer == Rate.counts.lowerBound)
            #expect(try property("rate", name)["maximum"]?.number?.integer == Rate.counts.upperBound)
        }
        let text = try #require(try property("rate", "per")["description"]?.string)
        #expect(text.contains(Quantity.duration.text(Rate.periods.lowerBound)))
        #expect(text.contains(Quantity.duration.text(Rate.periods.upperBound)))
    }

    @Test func `gives the same defaults elsewhere`() throws {
        func milliseconds(_ definition: String, _ name: String) throws -> Int? {
            try property(definition, name)["default"]?.string.flatMap(Quantity.duration.parse)
        }
        #expect(try milliseconds("issuer", "clock_skew") == IssuerObject.defaultClockSkew * 1000)
        #expect(try milliseconds("issuer", "key_maximum_age") == IssuerObject.defaultKeyMaximumAge * 1000)
        #expect(try milliseconds("upstream", "connect_timeout") == UpstreamObject.defaultConnectTimeout)
        #expect(try milliseconds("upstream", "response_timeout") == UpstreamObject.defaultResponseTimeout)
        #expect(try milliseconds("upstream", "slow_start") == EndpointRules().slowStart)
        let checks = HealthCheckRules()
        #expect(try milliseconds("health", "interval") == checks.interval)
        #expect(try milliseconds("health", "timeout") == checks.timeout)
        #expect(try property("health", "unhealthy")["default"]?.number?.integer == checks.unhealthy)
        #expect(try property("health", "healthy")["default"]?.number?.integer == checks.healthy)
        let ejection = EjectionRules()
        #expect(try property("ejection", "failures")["default"]?.number?.integer == ejection.failures)
        #expect(try milliseconds("ejection", "time") == ejection.time)
        #expect(try milliseconds("ejection", "maximum_time") == ejection.maximumTime)
        let queue = EndpointLimits()
        #expect(try property("endpoint_limits", "queue")["default"]?.number?.integer == queue.queue)
        #expect(try milliseconds("endpoint_limits", "queue_timeout") == queue.queueTimeout)
        let health = try property("listener", "health_path")
        #expect(health["default"]?.string == ListenerObject.defaultHealthPath)
        for name in ["tools", "methods"] {
            let names = try #require(try property("route", name)["propertyNames"]?.object)
            #expect(names["maxLength"]?.number?.integer == OperationScopes.maximumNameLength)
        }
        let keys = try property("", "session_keys")
        #expect(keys["maxItems"]?.number?.integer == SessionKeys.maximumCount)
        let text = try #require(keys["description"]?.string)
        #expect(text.contains("each of \(SessionKeys.minimumLength) bytes or more"))
        let traces = try definition("traces")
        let sample = try property("traces", "sample")
        #expect(sample["default"]?.number?.double == TracesObject.defaultSample)
        #expect(traces["required"]?.strings == [TracesMember.endpoint.rawValue])
        let service = try property("traces", "service_name")
        #expect(service["default"]?.string == TraceSettings.defaultServiceName)
        let headers = try property("traces", "headers")
        #expect(headers["maxProperties"]?.number?.integer == TracesObject.maximumFields)
        let token = try #require(try property("admin", "token")["description"]?.string)
        #expect(token.contains("Token of \(AdminObject.minimumTokenLength) bytes or more"))
        let routes = try property("admin", "metrics_routes")
        #expect(routes["default"]?.number?.integer == AdminObject.defaultMetricsRoutes)
        #expect(routes["minimum"]?.number?.integer == AdminObject.metricsRoutesBounds.lowerBound)
        #expect(routes["maximum"]?.number?.integer == AdminObject.metricsRoutesBounds.upperBound)
        let workers = try property("", "workers")
        #expect(workers["maximum"]?.number?.integer == RootObject.maximumWorkers)
    }
}
