import Foundation
import Swage
import SwageFiles
import Testing

@Suite struct HubNameTests {
    @Test(
        arguments: [
            ("org/name", "org/name", nil, nil),
            ("HuggingFaceTB/SmolLM2-135M-Instruct@v1.0", "HuggingFaceTB/SmolLM2-135M-Instruct", "v1.0", nil),
            ("org/name@refs/pr/1", "org/name", "refs/pr/1", nil),
            ("org/name:Q4_K_M", "org/name", nil, "Q4_K_M"),
            ("org/name@main:folder/a@b.gguf", "org/name", "main", "folder/a@b.gguf"),
            ("_o/n_.x", "_o/n_.x", nil, nil),
        ] as [(String, String, String?, String?)])
    func aNameIsRead(_ text: String, _ repository: String, _ revision: String?, _ part: String?) throws {
        let name = try HubName(text)
        #expect(name.repository == repository && name.revision == revision && name.part == part && name.text == text)
    }

    @Test(arguments: [
        "", "name", "/", "a/", "/a", "a//b", "a/b/c", "../a", "a/..", "a/b--c", "a/b..c", "-a/b", "a/b.", "a/.b", "a/b.git", "ä/b", "a b/c",
        "a\\b/c", "C:/b", "org/name@", "org/name@..", "org/name@a..b", "org/name@/a", "org/name@a/", "org/name@a b", "org/name@-x",
        "org/name@x.lock", "org/name:", "org/name:..", "org/name:../a", "org/name:/etc/passwd", "org/name:a//b", "org/name:a\\b",
        "org/name:C:\\x", "org/name@a:b:c", "org/na\nme", "org/name@a\0b", "a/" + String(repeating: "b", count: 97),
    ])
    func whatIsNoNameIsRefused(_ text: String) {
        #expect(throws: TrainerError.self, "\(text) was taken for a name") { try HubName(text) }
    }

    @Test(arguments: ["./a/b", "/a/b", "../b", "~/b", "a\\b", "a/b/c", "word", "a/b.gguf", "a/", "C:\\model"])
    func whatIsWrittenAsAPathStaysOne(_ text: String) async throws {
        var hub = Hub(environment: ["HF_HUB_CACHE": "/nowhere", "HF_ENDPOINT": "http://127.0.0.1:1"])
        hub.isOffline = true
        #expect(try await hub.fetch(text) == text)
    }

    @Test func theEnvironmentNamesTheCacheAsPythonReadsIt() {
        func cache(_ environment: [String: String]) -> String { Hub(environment: environment.merging(["HOME": "/h"]) { a, _ in a }).cache }
        #expect(cache([:]) == "/h/.cache/huggingface/hub")
        #expect(cache(["XDG_CACHE_HOME": "/x"]) == "/x/huggingface/hub")
        #expect(cache(["HF_HOME": "~/models"]) == "/h/models/hub")
        #expect(cache(["HF_HOME": "$DISK/${WHO}/$NONE", "DISK": "/d", "WHO": "me"]) == "/d/me/$NONE/hub")
        #expect(cache(["HF_HOME": "/a", "HUGGINGFACE_HUB_CACHE": "/b"]) == "/b")
        #expect(cache(["HF_HOME": "/a", "HUGGINGFACE_HUB_CACHE": "/b", "HF_HUB_CACHE": "/c"]) == "/c")
        #expect(Hub(environment: ["HF_ENDPOINT": "http://mirror/"]).endpoint == "http://mirror")
        #expect(Hub(environment: ["HF_TOKEN": " hf_x\r\n"]).token == "hf_x")
        #expect(Hub(environment: ["HF_TOKEN": "hf_x", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]).token == nil)
        #expect(Hub(environment: ["HF_HUB_OFFLINE": "yes"]).isOffline && !Hub(environment: ["HF_HUB_OFFLINE": "0"]).isOffline)
    }

    private func chosen(_ text: String, _ paths: [String]) throws -> [String] {
        try HubModelFiles.choice(try HubName(text), among: paths.sorted(), page: "page").files
    }

    @Test func onlyWhatAModelNeedsIsChosen() throws {
        let small = ["config.json", "tokenizer.json"]
        let rest = ["README.md", "pytorch_model.bin", "onnx/model.onnx", "code.py", ".gitattributes", "training_args.bin", "original/x.pth"]
        #expect(try chosen("a/b", small + rest + ["model.safetensors"]) == small + ["model.safetensors"])
        // As transformers has it, the whole file comes before the shards.
        let shards = ["model.safetensors.index.json", "model-00001-of-00001.safetensors"]
        #expect(try chosen("a/b", small + shards + ["model.safetensors"]) == small + ["model.safetensors"])
        #expect(try chosen("a/b", small + shards) == small + ["model.safetensors.index.json"])
        #expect(try chosen("a/b", ["x.gguf", "config.json", "README.md"]) == ["x.gguf"])
    }

    @Test func aPartOfANameChoosesAmongGGUFFiles() throws {
        let files = ["m-Q4_K_M.gguf", "m-Q4_K_S.gguf", "m-IQ4_K_M.gguf", "mmproj-Q4_K_M.gguf", "m-BF16-00001-of-00002.gguf", "m-BF16-00002-of-00002.gguf"]
        #expect(try chosen("a/b:Q4_K_M", files) == ["m-Q4_K_M.gguf"])
        #expect(try chosen("a/b:q4_k_s", files) == ["m-Q4_K_S.gguf"])
        #expect(try chosen("a/b:bf16", files) == ["m-BF16-00001-of-00002.gguf", "m-BF16-00002-of-00002.gguf"])
        #expect(try chosen("a/b:m-Q4_K_M.gguf", files) == ["m-Q4_K_M.gguf"])
        #expect(try chosen("a/b:F16", ["F16/m-00001-of-00001.gguf", "Q8_0/m.gguf"]) == ["F16/m-00001-of-00001.gguf"])
        for odd in ["a/b", "a/b:Q4_K", "a/b:Q5_K_M", "a/b:m", "a/b:no.gguf"] {
            let error = #expect(throws: TrainerError.self, "\(odd)") { try chosen(odd, files) }
            #expect(error?.expected?.contains("m-Q4_K_S.gguf") == true, "\(odd): \(error?.description ?? "")")
        }
    }

    @Test(arguments: [["config.json", "pytorch_model.bin"], ["config.json", "tf_model.h5"], ["consolidated.00.pth", "params.json"]])
    func aModelOfPicklesAloneIsRefused(_ paths: [String]) throws {
        let error = #expect(throws: TrainerError.self) { try chosen("a/b", paths) }
        #expect(error?.message.contains("may run whatever it holds") == true, "\(error?.description ?? "")")
    }

    @Test func aFileThatCannotLieHereIsNotOffered() throws {
        var tree = HubTree()
        let oid = String(repeating: "0", count: 40)
        let page = ["a:b", #"a\\b"#, "CON:", "a"].map { #"{"type":"file","path":"\#($0)","size":1,"oid":"\#(oid)"}"# }
        try tree.add(page: Data("[\(page.joined(separator: ","))]".utf8), from: "the hub")
        #expect(tree.paths == ["a"])
        #expect(tree.cachedJSON.contains(#""a:b""#))
    }

    @Test(arguments: [
        #"[{"type":"file","path":"../x","size":1,"oid":"\#(String(repeating: "0", count: 40))"}]"#,
        #"[{"type":"file","path":"/etc/x","size":1,"oid":"\#(String(repeating: "0", count: 40))"}]"#,
        #"[{"type":"file","path":"..\\x","size":1,"oid":"\#(String(repeating: "0", count: 40))"}]"#,
        #"[{"type":"file","path":"a","size":-1,"oid":"\#(String(repeating: "0", count: 40))"}]"#,
        #"[{"type":"file","path":"a","size":9999999999999999999,"oid":"\#(String(repeating: "0", count: 40))"}]"#,
        #"[{"type":"file","path":"a","size":1,"oid":"../../x"}]"#,
        #"[{"type":"file","path":"a","size":1,"oid":"\#(String(repeating: "0", count: 40))","lfs":{"oid":"x","size":1}}]"#,
        #"{"a":1}"#, "[1]", "", "[{}]",
    ])
    func aListThatLeadsElsewhereIsRefused(_ page: String) {
        var tree = HubTree()
        #expect(throws: TrainerError.self, "\(page)") { try tree.add(page: Data(page.utf8), from: "the hub") }
    }
}
