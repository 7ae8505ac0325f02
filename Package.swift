// swift-tools-version: 6.2

import PackageDescription

/// Settings that every target shares: unsafe code is marked, imports are private, warnings are errors.
let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// Targets on the data path may not box values behind `any` either.
let engine: [SwiftSetting] = common + [.treatWarning("ExistentialType", as: .error)]

/// Targets whose types hold or hand out spans.
let lifetimes: [SwiftSetting] = engine + [.enableExperimentalFeature("Lifetimes")]

/// One row for each target, highest level first: a target imports targets of lower levels only.
/// `scripts/lint` checks the rows against this order and against the `import` lines.
let package = Package(
    name: "audgate",
    products: [.executable(name: "audgate", targets: ["audgate"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        // Level 8
        .executableTarget(
            name: "audgate",
            dependencies: [
                "Server", "Probes", "Configuration", "Development", "Proxy", "Policy", "JOSE", "HTTP", "JSON",
                "Transport",
                "Bytes",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            // A link to the file at the top: what `audgate demo` serves and what is checked in are one text.
            resources: [.embedInCode("gateway.json")],
            swiftSettings: common
        ),
        // Level 7
        .target(
            name: "Server",
            dependencies: [
                "Configuration", "Proxy", "Policy", "JOSE", "JSON", "HTTP", "HTTP1", "OpenSSL", "Transport",
                "Bytes",
                .product(name: "Logging", package: "swift-log"),
            ],
            resources: [
                .embedInCode("Resources/status.html"), .embedInCode("Resources/status.css"),
                .embedInCode("Resources/status.js"),
            ],
            swiftSettings: common
        ),
        .target(
            name: "Probes",
            dependencies: [
                "Configuration", "Proxy", "Policy", "JOSE", "HTTP", "JSON", "OpenSSL", "Transport", "Bytes",
            ],
            swiftSettings: common
        ),
        // Level 6
        .target(
            name: "Configuration",
            dependencies: ["Policy", "MCP", "JOSE", "HTTP", "JSON", "OpenSSL", "Transport", "Bytes"],
            swiftSettings: common
        ),
        .target(
            name: "Development",
            dependencies: ["JOSE", "HTTP1", "HTTP", "JSON", "OpenSSL", "Transport", "Bytes"],
            swiftSettings: common
        ),
        // Level 5
        .target(
            name: "Proxy",
            dependencies: [
                "HTTP1", "HTTP2", "MCP", "Policy", "JOSE", "HTTP", "JSON", "OpenSSL", "Transport", "Bytes",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        // Level 4
        .target(
            name: "Policy",
            dependencies: ["MCP", "HTTP", "JOSE", "JSON", "OpenSSL", "Bytes"],
            swiftSettings: engine
        ),
        // Level 3
        .target(name: "HTTP1", dependencies: ["HTTP", "Bytes"], swiftSettings: engine),
        .target(name: "HTTP2", dependencies: ["CNghttp2", "HTTP", "Bytes"], swiftSettings: engine),
        .target(name: "MCP", dependencies: ["HTTP", "JSON", "OpenSSL", "Bytes"], swiftSettings: engine),
        // Level 2
        .target(name: "HTTP", dependencies: ["Bytes"], swiftSettings: engine),
        .target(name: "JOSE", dependencies: ["JSON", "OpenSSL", "Bytes"], swiftSettings: engine),
        .target(name: "Transport", dependencies: ["CLinux", "Bytes"], swiftSettings: engine),
        // Level 1
        .target(name: "JSON", dependencies: ["Bytes"], swiftSettings: lifetimes),
        .target(name: "OpenSSL", dependencies: ["COpenSSL", "Bytes"], swiftSettings: engine),
        // Level 0
        .target(name: "Bytes", swiftSettings: lifetimes),
        // C libraries, each imported by exactly one target above
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .target(name: "CLinux"),

        .testTarget(name: "BytesTests", dependencies: ["Bytes"], swiftSettings: common),
        .testTarget(name: "JSONTests", dependencies: ["JSON", "Bytes"], swiftSettings: common),
        .testTarget(
            name: "OpenSSLTests",
            dependencies: ["OpenSSL", "COpenSSL", "Bytes"],
            swiftSettings: common
        ),
        .testTarget(
            name: "JOSETests",
            dependencies: ["JOSE", "JSON", "OpenSSL", "Bytes"],
            swiftSettings: common
        ),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP", "Bytes"], swiftSettings: common),
        .testTarget(
            name: "HTTP1Tests",
            dependencies: ["HTTP1", "HTTP", "Bytes"],
            exclude: ["Corpus"],
            swiftSettings: common
        ),
        .testTarget(
            name: "HTTP2Tests",
            dependencies: ["HTTP2", "HTTP", "Bytes"],
            swiftSettings: common
        ),
        .testTarget(
            name: "MCPTests",
            dependencies: ["MCP", "HTTP1", "HTTP", "JSON", "OpenSSL", "Bytes"],
            swiftSettings: common
        ),
        .testTarget(
            name: "TransportTests",
            dependencies: ["Transport", "CLinux", "Bytes"],
            swiftSettings: common
        ),
        .testTarget(
            name: "PolicyTests",
            dependencies: ["Policy", "MCP", "HTTP1", "HTTP", "JOSE", "JSON", "OpenSSL", "Bytes"],
            swiftSettings: common
        ),
        .testTarget(
            name: "ConfigurationTests",
            dependencies: ["Configuration", "Policy", "MCP", "JOSE", "HTTP", "JSON", "OpenSSL", "Bytes"],
            swiftSettings: common
        ),
        .testTarget(
            name: "DevelopmentTests",
            dependencies: ["Development", "JOSE", "HTTP", "JSON", "OpenSSL", "Bytes"],
            swiftSettings: common
        ),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Server", "Configuration", "Proxy", "Policy", "HTTP1", "HTTP", "JOSE", "JSON", "OpenSSL",
                "Transport", "Bytes",
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "ProxyTests",
            dependencies: [
                "Proxy", "Policy", "HTTP1", "HTTP2", "HTTP", "JOSE", "JSON", "OpenSSL", "Transport", "Bytes",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "ProbesTests",
            dependencies: [
                "Probes", "Configuration", "Proxy", "Policy", "JOSE", "HTTP", "JSON", "OpenSSL", "Transport",
                "Bytes",
            ],
            swiftSettings: common
        ),
    ]
)
