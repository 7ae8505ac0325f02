// `audgate serve`: runs the gateway until a signal ends it.

internal import ArgumentParser
internal import Configuration
internal import Development
internal import Glibc
internal import Logging
internal import Server

/// Runs the gateway.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the gateway (the default command).",
        discussion: """
            SIGTERM and SIGINT drain and exit, a second one exits at once. SIGHUP loads the configuration anew, with \
            "watch": true a change of its files does so as well. SIGUSR1 reopens log files.
            The access log goes to standard output, messages go to standard error, both as JSON lines. With a \
            "development" member, commands to try are printed to standard error first.

            Example:
              audgate serve --config /etc/audgate/gateway.json

            Exit codes: 0 ended by a signal, 1 the configuration has problems, which are listed on standard error, \
            2 the gateway could not start, 64 wrong usage.
            """
    )

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let files = ReadFiles()
        let configuration = try options.load(noting: files)
        let path = options.config
        let origin = ConfigurationOrigin(files: files) { (inherited, files) throws(ConfigurationError) in
            try ConfigurationLoader.load(path: path, inheriting: inherited, noting: files)
        }
        try GatewayRun.run(configuration, from: origin) {
            guard configuration.development != nil else { return }
            let source = "--config " + Shell.absolute(options.config)
            Terminal.error(Walkthrough(configuration, source: source).text)
        }
    }
}

/// Runs a checked configuration, with the development servers if it has them.
enum GatewayRun {
    static func run(
        _ configuration: GatewayConfiguration,
        from origin: ConfigurationOrigin,
        onStart: () -> Void = {}
    ) throws {
        let level = LogLevel(configuration.log.level.loggerLevel)
        let logger = Logger(label: "audgate") { _ in JSONLogHandler(level: level) }
        do {
            let gateway = try Gateway(configuration, logger: logger, level: level)
            let setup = try startDevelopment(configuration)
            try gateway.start()
            onStart()
            gateway.run(from: origin)
            setup?.stop()
        } catch let error as StartError {
            logger.critical("\(error.sentence)")
            throw ExitCode(2)
        } catch let error as DevelopmentError {
            logger.critical("\(error.sentence)")
            throw ExitCode(2)
        }
    }
}
