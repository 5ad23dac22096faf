import ArgumentParser

/// What a command does with a model, where that decides which options it can honor.
struct EngineUse {
    /// The optimizer's options, which a remote trainer has been given by its server.
    var optimizer: OptimizerArguments?
    /// Whether something is trained although those are to be given here, beside a remote trainer that has its own.
    var trainsAsTheServer = false
    /// Whether a model is read here beside a remote trainer: a reference, or what writes in its place.
    var readsModelHere = false
    /// Whether the token is that of a server which is started here.
    var serves = false
}

extension ModelOptions {
    /// Makes sure that every option is given to an engine that has it.
    func validate(_ use: EngineUse) throws {
        for option in worker.given + remote.given where !option.engines.contains(engine) && !(use.serves && option.name == "token-file") {
            let owners = option.engines.map(\.rawValue).joined(separator: " and ")
            throw ValidationError("--\(option.name) is for \(owners), and the engine is \(engine.rawValue); expected without it.")
        }
        if let option = worker.givenToTraining, use.optimizer == nil, !use.trainsAsTheServer {
            throw ValidationError("--\(option) has no effect where nothing is trained; expected without it.")
        }
        if worker.loraAlpha != nil, worker.loraRank == nil {
            throw ValidationError("--lora-alpha is given without --lora-rank; expected both, or neither.")
        }
        guard engine == .remote else { return }
        var servers = use.optimizer?.given ?? []
        if model != nil, !use.readsModelHere { servers.append("model") }
        if threads != nil, model == nil || !use.readsModelHere { servers.append("threads") }
        if chatTemplate != nil { servers.append("chat-template") }
        guard servers.isEmpty else {
            throw ValidationError(
                "\(servers.map { "--\($0)" }.joined(separator: ", ")): the remote trainer was started with its own; "
                    + "expected without here, and given to `swage serve`.")
        }
    }
}

extension WorkerOptions {
    /// The options that were given, each with the engines that have it.
    fileprivate var given: [(name: String, engines: [Engine])] {
        let all: [(String, Any?, [Engine])] = [
            ("device", device, [.huggingface]), ("dtype", dtype, [.huggingface, .titan]),
            ("attention", attention, [.huggingface, .titan]), ("lora-rank", loraRank, [.huggingface]),
            ("lora-alpha", loraAlpha, [.huggingface]), ("data-parallel", dataParallel, [.titan]),
            ("replicas", replicas, [.titan]), ("tensor-parallel", tensorParallel, [.titan]),
            ("context-parallel", contextParallel, [.titan]), ("pipeline-parallel", pipelineParallel, [.titan]),
            ("hosts", hosts.first, [.titan]), ("mesh-address", meshAddress, [.titan]),
            ("max-sequence-length", maxSequenceLength, [.titan]),
        ]
        return all.filter { $0.1 != nil }.map { ($0.0, $0.2) }
    }

    /// What only training makes anything of.
    fileprivate var givenToTraining: String? { given.map(\.name).first { ["lora-rank", "lora-alpha"].contains($0) } }

    /// What titan is told that writing, which the native engine does in its place, has no use for.
    var givenToTitan: String? { given.first { $0.engines.contains(.titan) }?.name }
}

extension RemoteOptions {
    fileprivate var given: [(name: String, engines: [Engine])] {
        [("address", address), ("token-file", tokenFile), ("trust-roots", trustRoots)].filter { $0.1 != nil }.map { ($0.0, [.remote]) }
    }
}
