import Foundation
import Swage
import SwageFiles
import SwageRecipes
import SwageText
import TestSupport

/// What a run of two steps has left in its folder.
enum RunFiles {
    private static let data = """
        {"text": "Once upon a time there was"}
        {"text": "A second line of text"}

        """

    static let whole: [FileKind: String] = [
        .run: """
        {
          "before": {},
          "files": [
            "data",
            "metrics.jsonl",
            "checkpoints",
            "data/step-2.json",
            "checkpoints/step-2",
            "model",
            "report.json"
          ],
          "format": 2,
          "identity": {
            "contents": {
              "the data": {
                "digest": "6a31a56f0420e681a2e1dd3d200d7a4a57495bb98f66911c55253d8acaf4da29",
                "path": "data.jsonl"
              },
              "the model": {
                "digest": "878167dfbd2bf99a5c25338d1197c6272d23fa8a61faad574fbbc81bc58fc6bc",
                "path": "model"
              },
              "the tokenizer of the model": {
                "digest": "d061904ee7ddd40b3f52cdeb0912c8df4c4a42a32e2a7022a1e795486ac95d58",
                "path": "model"
              }
            },
            "options": {
              "accumulation": "1",
              "batches.packing": "true",
              "model.hidden_size": "24",
              "model.rope_theta": "10000.0",
              "steps": "2"
            },
            "recipe": "sft",
            "settings": {
              "learning-rate": "1e-05",
              "prompt": "none",
              "threads": "1"
            }
          },
          "isMeasured": true
        }
        """,
        .metrics: """
        {"gradientNorm":4.018567758409112,"learningRate":1e-05,"loss":6.15842068195343,"metrics":{"perplexity":472.6809714447169,"tokens":16},"seconds":0.007798869,"step":1,"tokens":16}
        {"gradientNorm":7.679562892334983,"learningRate":5e-06,"loss":5.928398132324219,"metrics":{"perplexity":375.55244641284816,"tokens":16},"seconds":0.001244174,"step":2,"tokens":16}

        """,
        .position: """
        {"idle": 0, "position": {"drawn": 2, "epoch": 1, "waiting": [0, 1]}, "seconds": 0.009043043, "tokens": 32}
        """,
    ]

    /// Writes them, and the data beside the folder.
    static func write(in folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: true)
        try Data(data.utf8).write(to: URL(fileURLWithPath: folder + ".jsonl"))
        for (kind, text) in whole { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(kind.fileName)")) }
    }

    /// Reads all that a run goes on from, as it does.
    static func open(_ folder: String) throws {
        let position = try RunDirectory(path: folder).readBack(step: 2)
        let data = try Examples<TrainingExample>(path: folder + ".jsonl")
        guard case .success(let tokenizer) = try ModelFiles.open(Golden.decoder("llama")).tokenizer, let position else { return }
        var stream = try ExampleStream(data, tokenizer: tokenizer, options: .init(rows: 1, sequenceLength: 16), from: position)
        _ = try stream.next()
    }
}
