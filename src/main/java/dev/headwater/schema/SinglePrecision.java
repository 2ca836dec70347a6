package dev.headwater.schema;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import java.io.IOException;

/**
 * What a network gave as a float, in the digits that a float has: the rest are of its conversion,
 * and take as long to write.
 */
final class SinglePrecision extends StdSerializer<Double> {
  private static final long serialVersionUID = 1;

  SinglePrecision() {
    super(Double.class);
  }

  @Override
  public void serialize(Double value, JsonGenerator json, SerializerProvider provider)
      throws IOException {
    json.writeNumber(value.floatValue());
  }
}
