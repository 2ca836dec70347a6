package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Weights that an exporter wrote into a file beside the model, as PyTorch's newer one does, read
 * back into it (ONNX, ExternalData.md). Those of inner graphs stay where they are.
 */
final class ExternalData {
  private ExternalData() {}

  /**
   * @param file the model's, beside which its weights are
   * @throws OnnxException where they are not, or are somewhere else
   */
  static ModelProto inlined(ModelProto model, Path file) throws OnnxException {
    if (model.getGraph().getInitializerList().stream().noneMatch(ExternalData::external)) {
      return model;
    }
    GraphProto.Builder graph = model.getGraph().toBuilder();
    long total = model.getSerializedSize();
    for (int i = 0; i < graph.getInitializerCount(); i++) {
      TensorProto tensor = graph.getInitializer(i);
      if (external(tensor)) {
        ByteString bytes = read(tensor, file);
        total += bytes.size();
        if (total > OnnxFile.LARGEST) {
          throw new OnnxException(
              file + " and its weights are larger than 2 GB together, which is not supported.");
        }
        graph.setInitializer(
            i, tensor.toBuilder().clearExternalData().clearDataLocation().setRawData(bytes));
      }
    }
    return model.toBuilder().setGraph(graph).build();
  }

  private static boolean external(TensorProto tensor) {
    return tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL;
  }

  private static ByteString read(TensorProto tensor, Path file) throws OnnxException {
    Map<String, String> entries = new HashMap<>();
    for (StringStringEntryProto entry : tensor.getExternalDataList()) {
      entries.put(entry.getKey(), entry.getValue());
    }
    Path directory = file.toAbsolutePath().resolveSibling("").normalize();
    String location = entries.getOrDefault("location", "");
    try {
      Path data = directory.resolve(location).normalize();
      if (!data.startsWith(directory) || data.equals(directory)) {
        throw new OnnxException(
            "%s wants the weights of `%s` from %s, which is not beside it."
                .formatted(file, tensor.getName(), location));
      }
      try (FileChannel channel = FileChannel.open(data)) {
        long offset = Long.parseLong(entries.getOrDefault("offset", "0"));
        String length = entries.get("length");
        long size = length == null ? channel.size() - offset : Long.parseLong(length);
        if (offset < 0 || size < 0 || size > channel.size() - offset) {
          throw new OnnxException(
              "%s ends before the weights of `%s` do: copy it again, or export the model again."
                  .formatted(data, tensor.getName()));
        }
        return ByteString.copyFrom(channel.map(FileChannel.MapMode.READ_ONLY, offset, size));
      }
    } catch (IOException | RuntimeException unreadable) { // a path or number that is none, too
      throw new OnnxException(
          "Cannot read the weights of `%s`, which %s wants from %s beside it: %s"
              .formatted(tensor.getName(), file, location, unreadable),
          unreadable);
    }
  }
}
