// Another configuration for the same process: all of it, or nothing.

internal import Configuration
internal import Logging
internal import Policy
internal import Proxy
internal import Transport

extension Gateway {
    /// Loads the configuration anew and hands it to the workers: all of it, or nothing.
    ///
    /// - Returns: The files that were read for it.
    func reload(from origin: ConfigurationOrigin) -> ReadFiles {
        let files = ReadFiles()
        do throws(ReloadRefusal) {
            try publish(try load(from: origin, noting: files))
        } catch {
            refuse(error)
        }
        return files
    }

    /// Tells everybody that the configuration stays, and why.
    func refuse(_ refusal: ReloadRefusal) {
        state.note(refusal)
        for problem in refusal.problems {
            logger.error("Nothing was reloaded: \(problem.sentence)", metadata: problem.metadata)
            AuditEvent(.reloadRefused, [("at", problem.place), ("problem", problem.sentence)])
                .leave(in: logs.audit.sink)
        }
    }

    private func load(
        from origin: ConfigurationOrigin,
        noting files: ReadFiles
    ) throws(ReloadRefusal) -> GatewayConfiguration {
        let new = try read(from: origin, noting: files)
        if let obstacle = configuration.obstacle(to: new) { throw ReloadRefusal(obstacle) }
        return new
    }

    /// Reads a configuration, which takes a tenth of a second for 10,000 routes: the workers go before.
    private func read(
        from origin: ConfigurationOrigin,
        noting files: ReadFiles
    ) throws(ReloadRefusal) -> GatewayConfiguration {
        let outcome: Result<GatewayConfiguration, ConfigurationError>
        do throws(SystemError) {
            outcome = try Thread.runModestly("audgate-reload") {
                Result { () throws(ConfigurationError) in try origin.load(configuration.legacy, files) }
            }
        } catch {
            throw ReloadRefusal("there is no thread to read the configuration (\(error))")
        }
        do throws(ConfigurationError) { return try outcome.get() } catch { throw ReloadRefusal(error) }
    }

    private func publish(_ new: GatewayConfiguration) throws(ReloadRefusal) {
        let listeners: [PublishedListener]
        do throws(StartError) {
            try logs.apply(new.log)
            listeners = try sockets.take(new.listeners)
        } catch {
            try? logs.apply(configuration.log)
            throw ReloadRefusal(error.sentence)
        }
        configuration = new
        shareDescriptors()
        level.current = new.log.level.loggerLevel
        new.tellWarnings(to: logger)
        let publication = publisher.publish(new.snapshot)
        state.noteLoaded(publication)
        adopt(listeners.first { $0.facts.purpose == .admin })
        names?.follow(publication.hosts)
        health.adopt(publication)
        traces.adopt(new.snapshot.traces)
        keys?.adopt(publication, listeners.filter { $0.facts.purpose == .routes })
        awaited.append((publication.generation, new.snapshot.hash))
    }

    /// Takes over the admin listener of the configuration that is served now.
    private func adopt(_ listener: PublishedListener?) {
        do throws(SystemError) {
            try admin.adopt(configuration, listener, services)
        } catch {
            logger.error("The admin listener could not be started.", metadata: ["error": "\(error)"])
        }
    }

    /// Says what all workers have taken over, and for how long the last of it held one of them up.
    func noteAdoption() {
        while let next = awaited.first, statuses.allSatisfy({ $0.generation >= next.generation }) {
            awaited.removeFirst()
            AuditEvent(.reloaded, [("configuration", next.configuration)]).leave(in: logs.audit.sink)
            let pause = statuses.map(\.adoptionPause).max() ?? 0
            logger.notice(
                "Reloaded.",
                metadata: ["configuration": "\(next.configuration)", "longest_pause_us": "\(pause)"]
            )
        }
    }
}
