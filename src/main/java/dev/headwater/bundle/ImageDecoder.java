package dev.headwater.bundle;

import dev.headwater.bundle.FieldReader.Fields;
import dev.headwater.onnx.TensorInfo;
import dev.headwater.schema.format.ValueReader;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Pictures as one float32 tensor a record, as training pipelines make them: upright, grey (ITU-R
 * 601 luma) or RGB by what the network takes, transparency dropped, resized with an antialiased
 * triangle filter, cut to the centre, scaled to 0..1, normalised by channel.
 */
final class ImageDecoder implements RecordDecoder {
  private static final float FULL = 255;

  /** How the network takes its pictures. */
  private record Frame(String input, int height, int width, int channels, boolean channelsFirst) {
    long[] shape() {
      return channelsFirst
          ? new long[] {channels, height, width}
          : new long[] {height, width, channels};
    }
  }

  private final Frame frame;
  private final Manifest.Image settings;
  private final float[] mean;
  private final float[] std;
  private final FloatRows rows;
  private final String field;
  private final @Nullable FieldReader reader;

  private ImageDecoder(Manifest.Image settings, Frame frame) {
    this.settings = settings;
    this.frame = frame;
    mean = perChannel(settings.mean(), frame.channels(), 0);
    std = perChannel(settings.std(), frame.channels(), 1);
    rows = new FloatRows(frame.input(), frame.shape());
    field = settings.image() == null ? "value" : settings.image();
    reader = FieldReader.ofText(settings.id(), settings.labels(), settings.image());
  }

  /** Null where the graph does not take one picture a record; {@code problems} says why. */
  static @Nullable ImageDecoder of(
      Manifest.Image settings, List<TensorInfo> inputs, List<String> problems) {
    TensorInfo input = FloatRows.input(inputs, 4);
    if (input == null) {
      problems.add(
          "input.image: the network must have one float32 input [N, channels, height, width] or [N,"
              + " height, width, channels], N dynamic; it has "
              + inputs);
      return null;
    }
    long[] shape = input.shape();
    boolean first = channelsFirst(settings, shape);
    long fixed = shape[first ? 1 : 3];
    int channels = (int) (fixed > 0 ? fixed : settings.channels());
    if (channels == 0) {
      problems.add("input.colours: the network leaves them open; say grey or rgb");
      return null;
    }
    if (!isColour(channels)) {
      problems.add("input.image: pictures have 1 or 3 channels, the network wants " + input);
      return null;
    }
    if (settings.channels() > 0 && settings.channels() != channels) {
      problems.add("input.colours: the network wants %d channels".formatted(channels));
      return null;
    }
    int height = side(first ? shape[2] : shape[1], settings.size(), 0);
    int width = side(first ? shape[3] : shape[2], settings.size(), 1);
    int before = problems.size();
    if (height < 1 || width < 1) {
      problems.add("input.size: the network leaves it open; give [height, width]");
    } else if (settings.size().length > 0
        && (settings.size()[0] != height || settings.size()[1] != width)) {
      problems.add(
          "input.size: the network wants [%d, %d]; pictures of another size are for new heads only (head: none or dense)"
              .formatted(height, width));
    }
    if (settings.resize() > 0 && settings.resize() < Math.max(height, width)) {
      problems.add(
          "input.resize: the shorter side must hold the network's " + height + "x" + width);
    }
    checkChannels("mean", settings.mean(), channels, problems);
    checkChannels("std", settings.std(), channels, problems);
    return problems.size() > before
        ? null
        : new ImageDecoder(settings, new Frame(input.name(), height, width, channels, first));
  }

  /** The input [N, ...] with the size the manifest wants in it, where it wants one. */
  static long[] wanted(Manifest.Image settings, TensorInfo input) {
    long[] shape = input.shape().clone();
    boolean first = channelsFirst(settings, shape);
    int at = first ? 2 : 1;
    int channel = first ? 1 : 3;
    if (shape[channel] < 1 && settings.channels() > 0) {
      shape[channel] = settings.channels();
    }
    for (int i = 0; i < settings.size().length; i++) {
      shape[at + i] = settings.size()[i];
    }
    return shape;
  }

  /** Height and width of what the network takes; 0 or less where that is open. */
  static long[] size(Manifest.Image settings, TensorInfo input) {
    int at = channelsFirst(settings, input.shape()) ? 2 : 1;
    return Arrays.copyOfRange(wanted(settings, input), at, at + 2);
  }

  private static boolean channelsFirst(Manifest.Image settings, long[] shape) {
    // left open on both sides: as most networks are
    return settings.layout() == 0
        ? isColour(shape[1]) || (shape[1] < 1 && !isColour(shape[3]))
        : settings.layout() == 1;
  }

  private static boolean isColour(long channels) {
    return channels == 1 || channels == 3;
  }

  private static int side(long fixed, int[] size, int index) {
    return fixed > 0 ? (int) fixed : size.length > 0 ? size[index] : 0;
  }

  private static void checkChannels(
      String key, float[] values, int channels, List<String> problems) {
    if (values.length > 1 && values.length != channels) {
      problems.add("input.%s: %d numbers for %d channels".formatted(key, values.length, channels));
    }
  }

  private static float[] perChannel(float[] values, int channels, float fallback) {
    float[] all = new float[channels];
    for (int c = 0; c < channels; c++) {
      all[c] = values.length == 0 ? fallback : values[values.length == 1 ? 0 : c];
    }
    return all;
  }

  @Override
  public Decoded decode(byte @Nullable [] value) throws InvalidRecordException {
    return decode(ValueReader.JSON, value);
  }

  @Override
  public boolean readsFields() {
    return reader != null;
  }

  @Override
  public Decoded decode(ValueReader values, byte @Nullable [] value) throws InvalidRecordException {
    if (reader == null) {
      return new Decoded(null, List.of(), numbers(Utf8.present(value), null));
    }
    Fields fields = reader.read(values, value);
    return new Decoded(fields.id(), fields.labels(), numbers(file(fields), fields.id()));
  }

  private byte[] file(Fields fields) throws InvalidRecordException {
    byte[] bytes = fields.bytes();
    if (bytes != null) {
      return bytes;
    }
    String text = fields.text() == null ? "" : fields.text();
    try {
      return Base64.getDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      throw new InvalidRecordException(field, "is not base64", fields.id());
    }
  }

  private FloatRows.Numbers numbers(byte[] file, @Nullable String id)
      throws InvalidRecordException {
    try {
      return new FloatRows.Numbers(floats(upright(ImageFile.read(file, settings.maxPixels()))));
    } catch (ImageFile.Refused e) {
      throw new InvalidRecordException(field, e.reason(), id);
    }
  }

  /**
   * The picture as its camera was held, in the network's colours. Samples as they are stored: Java
   * would bend grey by gamma.
   */
  private BufferedImage upright(ImageFile file) {
    BufferedImage stored = file.pixels();
    int w = stored.getWidth();
    int h = stored.getHeight();
    int o = file.orientation();
    boolean turned = o >= 5;
    BufferedImage upright = canvas(turned ? h : w, turned ? w : h);
    if (o == 1 && stored.getType() == upright.getType()) {
      return stored;
    }
    byte[] target = ((DataBufferByte) upright.getRaster().getDataBuffer()).getData();
    int[][] row = new int[3][w];
    for (int y = 0; y < h; y++) {
      read(stored, y, row);
      for (int x = 0; x < w; x++) {
        int across = o == 2 || o == 3 || o == 7 || o == 8 ? w - 1 - x : x;
        int down = o == 3 || o == 4 || o == 6 || o == 7 ? h - 1 - y : y;
        put(row, x, target, turned ? across * h + down : down * w + across);
      }
    }
    return upright;
  }

  /** One row of the picture: red, green, blue. */
  private static void read(BufferedImage image, int y, int[][] row) {
    int w = image.getWidth();
    if (image.getColorModel() instanceof IndexColorModel) {
      int[] rgb = image.getRGB(0, y, w, 1, null, 0, w);
      for (int x = 0; x < w; x++) {
        row[0][x] = rgb[x] >> 16 & 0xFF;
        row[1][x] = rgb[x] >> 8 & 0xFF;
        row[2][x] = rgb[x] & 0xFF;
      }
      return;
    }
    for (int c = 0; c < row.length; c++) {
      int band = image.getRaster().getNumBands() < row.length ? 0 : c;
      image.getRaster().getSamples(0, y, w, 1, band, row[c]);
    }
  }

  private void put(int[][] row, int x, byte[] target, int pixel) {
    if (frame.channels() == 1) {
      target[pixel] = (byte) ((299 * row[0][x] + 587 * row[1][x] + 114 * row[2][x] + 500) / 1000);
      return;
    }
    for (int c = 0; c < row.length; c++) {
      target[pixel * row.length + row.length - 1 - c] = (byte) row[c][x]; // stored blue first
    }
  }

  private BufferedImage canvas(int width, int height) {
    return new BufferedImage(
        width,
        height,
        frame.channels() == 1 ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_3BYTE_BGR);
  }

  private float[] floats(BufferedImage image) {
    Resampler resampler = new Resampler(image.getWidth(), image.getHeight(), target(image));
    int pixels = frame.width() * frame.height();
    float[] values = new float[pixels * frame.channels()];
    for (int c = 0; c < frame.channels(); c++) {
      float[] channel = resampler.channel(image.getRaster(), c);
      int from = frame.channelsFirst() ? c * pixels : c;
      int step = frame.channelsFirst() ? 1 : frame.channels();
      for (int i = 0; i < pixels; i++) {
        values[from + i * step] = (channel[i] / FULL - mean[c]) / std[c];
      }
    }
    return values;
  }

  /**
   * Stretched to the network's size; or resized by the shorter side, and the centre of that,
   * rounded as torchvision does.
   */
  private Resampler.Target target(BufferedImage image) {
    int width = frame.width();
    int height = frame.height();
    if (settings.resize() > 0) {
      int shorter = Math.min(image.getWidth(), image.getHeight());
      width = (int) ((long) settings.resize() * image.getWidth() / shorter);
      height = (int) ((long) settings.resize() * image.getHeight() / shorter);
    }
    return new Resampler.Target(
        width,
        height,
        centred(width - frame.width()),
        centred(height - frame.height()),
        frame.width(),
        frame.height());
  }

  /** Python's: a half goes to the even number. */
  private static int centred(int over) {
    return (int) Math.rint(over / 2.0);
  }

  @Override
  public List<ModelInput> batch(List<Decoded> records) {
    return rows.batch(records);
  }
}
