#if Engines
import Swage
import SwiftProtobuf

extension Swage_V1_GetConfigResponse {
    init(_ config: TrainerConfig) {
        self.init()
        modelName = config.modelName
        modelConfiguration = config.modelConfiguration.mapValues { value in
            .with {
                switch value {
                case .integer(let integer): $0.integer = Int64(integer)
                case .number(let number): $0.number = number
                case .flag(let flag): $0.flag = flag
                case .text(let text): $0.text = text
                }
            }
        }
        parallelism = .with {
            $0.dataParallel = Int64(config.parallelism.dataParallel)
            $0.tensorParallel = Int64(config.parallelism.tensorParallel)
            $0.pipelineParallel = Int64(config.parallelism.pipelineParallel)
            $0.contextParallel = Int64(config.parallelism.contextParallel)
            $0.expertParallel = Int64(config.parallelism.expertParallel)
            $0.worldSize = Int64(config.parallelism.worldSize)
            $0.device = config.parallelism.device
        }
        capabilities = .with {
            $0.outputs = config.capabilities.outputs.map(\.rawValue).sorted()
            $0.generates = config.capabilities.generates
            $0.losses = config.capabilities.losses?.sorted() ?? []
            $0.dtype = config.capabilities.dtype ?? ""
            $0.adapters = config.capabilities.adapters
            $0.optimizerPerStep = config.capabilities.optimizerPerStep
        }
        digests = config.digests
    }

    var config: TrainerConfig {
        TrainerConfig(
            modelName: modelName,
            modelConfiguration: modelConfiguration.compactMapValues { value in
                switch value.value {
                case .integer(let integer): .integer(Int(integer))
                case .number(let number): .number(number)
                case .flag(let flag): .flag(flag)
                case .text(let text): .text(text)
                case nil: nil
                }
            },
            parallelism: parallelism.value,
            capabilities: Capabilities(
                outputs: Set(capabilities.outputs.compactMap(ModelOutput.init)), generates: capabilities.generates,
                losses: capabilities.losses.isEmpty ? nil : Set(capabilities.losses),
                dtype: capabilities.dtype.isEmpty ? nil : capabilities.dtype, adapters: capabilities.adapters,
                optimizerPerStep: capabilities.optimizerPerStep),
            digests: digests)
    }
}

extension Swage_V1_Parallelism {
    fileprivate var value: Parallelism {
        var result = Parallelism(device: device)
        // A trainer that leaves a degree out does not divide that way.
        result.dataParallel = max(1, Int(dataParallel))
        result.tensorParallel = max(1, Int(tensorParallel))
        result.pipelineParallel = max(1, Int(pipelineParallel))
        result.contextParallel = max(1, Int(contextParallel))
        result.expertParallel = max(1, Int(expertParallel))
        result.worldSize = max(1, Int(worldSize))
        return result
    }
}
#endif
