package dev.headwater.tail;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.headwater.tail.op.Literals;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What a head graph holds fixed, computed once, and copied once to each device it is used on. */
final class Constants implements AutoCloseable {
  private final NDManager manager = Engine.getEngine("PyTorch").newBaseManager(Device.cpu());
  private final Map<String, NDArray> values = new HashMap<>();
  private final Map<Device, Map<String, NDArray>> copies = new ConcurrentHashMap<>();

  void add(TensorProto tensor) {
    values.put(tensor.getName(), Literals.of(manager, tensor));
  }

  /** Keeps a value beyond the scope it was computed in. */
  void add(String name, NDArray value) {
    value.detach();
    value.attach(manager);
    values.put(name, value);
  }

  /** Real numbers on the device; integers, which are read, on the CPU. */
  Map<String, NDArray> on(Device device) {
    return device.isGpu() ? copies.computeIfAbsent(device, this::copied) : values;
  }

  private Map<String, NDArray> copied(Device device) {
    Map<String, NDArray> copied = new HashMap<>();
    values.forEach(
        (name, value) ->
            copied.put(
                name,
                value.getDataType() == DataType.FLOAT32 ? value.toDevice(device, false) : value));
    return copied;
  }

  NDManager newScope() {
    return manager.newSubManager();
  }

  @Override
  public void close() {
    manager.close();
  }
}
