package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.onnx.ElementType;
import dev.headwater.onnx.TensorInfo;
import dev.headwater.schema.Json;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.color.ColorSpace;
import java.awt.color.ICC_Profile;
import java.awt.image.BufferedImage;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageDecoderTest {
  /** Where a PNG's chunks begin, and the first after its header. */
  private static final int CHUNKS = 8;

  private static final int SECOND_CHUNK = 33;

  private final List<String> problems = new ArrayList<>();

  @Test
  void givesTheSamplesAsTheyAreStoredScaledToOne() throws Exception {
    BufferedImage grey = new BufferedImage(3, 2, BufferedImage.TYPE_BYTE_GRAY);
    grey.getRaster().setSamples(0, 0, 3, 2, 0, new int[] {0, 51, 102, 153, 204, 255});

    float[] values = values(decoder(plain(), 1, 2, 3), png(grey));

    assertThat(values)
        .as("Java's own grey to RGB would bend them")
        .containsExactly(new float[] {0, .2f, .4f, .6f, .8f, 1}, within(1e-6f));
  }

  @Test
  void laysColoursOutAsTheNetworkTakesThem() throws Exception {
    byte[] file = png(filled(2, 1, new Color(255, 102, 0), BufferedImage.TYPE_INT_RGB));

    assertThat(values(decoder(plain(), 3, 1, 2), file))
        .as("channels first")
        .containsExactly(new float[] {1, 1, .4f, .4f, 0, 0}, within(1e-6f));
    Manifest.Image channelsLast =
        new Manifest.Image(
            null, List.of(), null, 0, 2, new int[0], 0, new float[0], new float[0], 1000);
    ImageDecoder last = ImageDecoder.of(channelsLast, List.of(input(-1, 1, 2, 3)), problems);
    assertThat(values(last, file))
        .as("channels last")
        .containsExactly(new float[] {1, .4f, 0, 1, .4f, 0}, within(1e-6f));
  }

  @Test
  void readsPhotosInTheirColours() throws Exception {
    BufferedImage pink = filled(16, 16, new Color(200, 30, 90), BufferedImage.TYPE_INT_RGB);

    float[] values = values(decoder(plain(), 3, 1, 1), jpeg(pink));

    assertThat(values)
        .as("but for what JPEG rounds")
        .containsExactly(new float[] {200 / 255f, 30 / 255f, 90 / 255f}, within(.02f));
  }

  @Test
  void readsColoursAsTheyAreStoredWhateverAProfileSaysOfThem() throws Exception {
    byte[] photo = jpeg(noise(16, 16));
    BufferedImage shades = new BufferedImage(16, 16, BufferedImage.TYPE_BYTE_GRAY);
    shades.getGraphics().drawImage(noise(16, 16), 0, 0, null);
    byte[] grey = jpeg(shades);

    assertThat(values(decoder(plain(), 3, 16, 16), withProfile(photo, ColorSpace.CS_LINEAR_RGB)))
        .containsExactly(values(decoder(plain(), 3, 16, 16), photo));
    assertThat(values(decoder(plain(), 1, 16, 16), withProfile(grey, ColorSpace.CS_GRAY)))
        .containsExactly(values(decoder(plain(), 1, 16, 16), grey));
  }

  private static byte[] withProfile(byte[] jpeg, int space) {
    byte[] profile = ICC_Profile.getInstance(space).getData();
    ByteBuffer data = ByteBuffer.allocate(profile.length + 14);
    data.put("ICC_PROFILE\0\1\1".getBytes(StandardCharsets.US_ASCII)).put(profile);
    return withSegment(jpeg, 0xFFE2, data.array());
  }

  /** As Photoshop writes them, inverted: no ink is 255. */
  @Test
  void readsPhotosInInks() throws Exception {
    float[] cyan = values(decoder(plain(), 3, 1, 1), inks(0, 255, 255, 255));
    float[] black = values(decoder(plain(), 3, 1, 1), inks(255, 255, 255, 0));

    assertThat(cyan[0]).as("red").isLessThan(.3f);
    assertThat(cyan[1]).as("green").isGreaterThan(.5f);
    assertThat(cyan[2]).as("blue").isGreaterThan(.7f);
    assertThat(black[0] + black[1] + black[2]).isLessThan(.6f);
  }

  private static byte[] inks(int... cmyk) throws IOException {
    WritableRaster inks =
        Raster.createInterleavedRaster(DataBuffer.TYPE_BYTE, 16, 16, cmyk.length, null);
    for (int i = 0; i < 16 * 16; i++) {
      inks.setPixel(i % 16, i / 16, cmyk);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    try (ImageOutputStream stream = ImageIO.createImageOutputStream(out)) {
      writer.setOutput(stream);
      writer.write(null, new IIOImage(inks, List.of(), null), null);
    }
    byte[] bare = out.toByteArray();
    byte[] adobe = {
      (byte) 0xFF, (byte) 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0
    };
    return ByteBuffer.allocate(bare.length + adobe.length)
        .put(bare, 0, 2)
        .put(adobe)
        .put(bare, 2, bare.length - 2)
        .array();
  }

  @Test
  void makesGreyOfColourByLumaAndColourOfGreyByRepetition() throws Exception {
    byte[] colour = png(filled(1, 1, new Color(100, 200, 50), BufferedImage.TYPE_INT_RGB));
    byte[] grey = png(filled(1, 1, new Color(0, 0, 0), BufferedImage.TYPE_BYTE_GRAY));

    assertThat(values(decoder(plain(), 1, 1, 1), colour)[0]).isEqualTo(153 / 255f, within(1e-6f));
    assertThat(values(decoder(plain(), 3, 1, 1), grey)).containsExactly(0, 0, 0);
  }

  @Test
  void coloursThatTheNetworkLeavesOpenAreTheManifests() throws Exception {
    byte[] file = png(filled(1, 1, new Color(100, 200, 50), BufferedImage.TYPE_INT_RGB));

    assertThat(values(ImageDecoder.of(of(1), List.of(input(-1, -1, 1, 2)), problems), file))
        .containsExactly(new float[] {153 / 255f, 153 / 255f}, within(1e-6f));
    assertThat(values(ImageDecoder.of(of(3), List.of(input(-1, -1, 1, 2)), problems), file))
        .containsExactly(
            new float[] {100 / 255f, 100 / 255f, 200 / 255f, 200 / 255f, 50 / 255f, 50 / 255f},
            within(1e-6f));
    assertThat(ImageDecoder.wanted(of(3), input(-1, -1, 8, 9))).containsExactly(-1, 3, 8, 9);
    assertThat(problems).isEmpty();

    assertThat(ImageDecoder.of(plain(), List.of(input(-1, -1, 1, 2)), problems)).isNull();
    assertThat(ImageDecoder.of(of(1), List.of(input(-1, 3, 1, 2)), problems)).isNull();
    assertThat(problems)
        .containsExactly(
            "input.colours: the model has a dynamic number of channels; set grey or rgb",
            "input.colours: the model expects 3 channels");
  }

  private static Manifest.Image of(int channels) {
    return new Manifest.Image(
        null, List.of(), null, channels, 0, new int[0], 0, new float[0], new float[0], 10_000);
  }

  @Test
  void readsPalettesAndDropsTransparency() throws Exception {
    byte[] red = {(byte) 255, 0};
    byte[] none = {0, 0};
    BufferedImage palette =
        new BufferedImage(
            1, 1, BufferedImage.TYPE_BYTE_INDEXED, new IndexColorModel(8, 2, red, none, none));
    BufferedImage clear = new BufferedImage(1, 1, BufferedImage.TYPE_INT_ARGB);
    clear.setRGB(0, 0, 0x00FF0000);

    assertThat(values(decoder(plain(), 3, 1, 1), png(palette))).containsExactly(1, 0, 0);
    assertThat(values(decoder(plain(), 3, 1, 1), png(clear))).containsExactly(1, 0, 0);
  }

  @Test
  void normalisesByChannel() throws Exception {
    Manifest.Image settings =
        new Manifest.Image(
            null,
            List.of(),
            null,
            0,
            0,
            new int[0],
            0,
            new float[] {.5f, .25f, 0},
            new float[] {2},
            1000);
    byte[] file = png(filled(1, 1, Color.WHITE, BufferedImage.TYPE_INT_RGB));

    assertThat(values(decoder(settings, 3, 1, 1), file)).containsExactly(.25f, .375f, .5f);
  }

  @ParameterizedTest
  @CsvSource({
    "1,ABCDEF",
    "2,BADCFE",
    "3,FEDCBA",
    "4,EFCDAB",
    "5,ACEBDF",
    "6,ECAFDB",
    "7,FDBECA",
    "8,BDFACE"
  })
  void turnsPicturesUpright(int orientation, String upright) throws Exception {
    // a picture of two columns and three rows, A to F, tells all eight ways apart
    BufferedImage stored = new BufferedImage(2, 3, BufferedImage.TYPE_BYTE_GRAY);
    stored.getRaster().setSamples(0, 0, 2, 3, 0, new int[] {40, 80, 120, 160, 200, 240});
    int height = orientation < 5 ? 3 : 2;

    float[] values =
        values(decoder(plain(), 1, height, 5 - height), withExif(png(stored), orientation));

    StringBuilder seen = new StringBuilder();
    for (float value : values) {
      seen.append((char) ('A' - 1 + Math.round(value * 255 / 40)));
    }
    assertThat(seen).hasToString(upright);
  }

  @Test
  void turnsWhatACameraHeldSidewaysWrote() throws Exception {
    BufferedImage stored = filled(16, 8, Color.BLACK, BufferedImage.TYPE_INT_RGB);
    fill(stored, Color.WHITE, 0, 8);

    float[] values = values(decoder(plain(), 1, 16, 8), withExifSegment(jpeg(stored), 6));

    assertThat(values[0]).as("what was left is on top").isEqualTo(1, within(.05f));
    assertThat(values[16 * 8 - 1]).isEqualTo(0, within(.05f));
  }

  @Test
  void stretchesToTheNetworksSizeOrCutsTheCentreOut() throws Exception {
    BufferedImage wide = filled(40, 20, Color.BLACK, BufferedImage.TYPE_INT_RGB);
    fill(wide, Color.WHITE, 10, 20);
    Manifest.Image cut =
        new Manifest.Image(
            null, List.of(), null, 0, 0, new int[0], 10, new float[0], new float[0], 1000);

    float[] stretched = values(decoder(plain(), 1, 10, 10), png(wide));
    float[] central = values(decoder(cut, 1, 8, 8), png(wide));

    assertThat(stretched[0]).isEqualTo(0);
    assertThat(stretched[5]).isEqualTo(1);
    assertThat(central).as("the sides are cut off").containsOnly(1);
  }

  @Test
  void cutsWhereTorchvisionDoes() throws Exception {
    BufferedImage ramp = new BufferedImage(7, 4, BufferedImage.TYPE_BYTE_GRAY);
    BufferedImage longer = new BufferedImage(15, 8, BufferedImage.TYPE_BYTE_GRAY);
    for (int x = 0; x < 15; x++) {
      longer.getRaster().setSamples(x, 0, 1, 8, 0, new int[] {x, x, x, x, x, x, x, x});
      if (x < 7) {
        ramp.getRaster().setSamples(x, 0, 1, 4, 0, new int[] {x, x, x, x});
      }
    }
    Manifest.Image cut =
        new Manifest.Image(
            null, List.of(), null, 0, 0, new int[0], 4, new float[0], new float[0], 1000);

    assertThat(values(decoder(cut, 1, 4, 4), png(ramp))[0] * 255)
        .as("of 7, 3 over: round(1.5) is 2")
        .isCloseTo(2, within(1e-4f));
    assertThat(values(decoder(cut, 1, 4, 4), png(longer))[0] * 255)
        .as("of int(7.5), the same")
        .isCloseTo(2.5f * 15 / 7 - .5f, within(.2f));
  }

  @Test
  void averagesWhereItMakesSmall() throws Exception {
    BufferedImage noise = new BufferedImage(64, 64, BufferedImage.TYPE_BYTE_GRAY);
    Random random = new Random(3);
    for (int i = 0; i < 64 * 64; i++) {
      noise.getRaster().setSample(i % 64, i / 64, 0, random.nextInt(2) * 255);
    }

    float[] values = values(decoder(plain(), 1, 4, 4), png(noise));

    for (float value : values) {
      assertThat(value).as("of hundreds of black and white pixels").isBetween(.35f, .65f);
    }
  }

  /** What is made of a picture on the way is no larger than the picture or what comes of it. */
  @Test
  void aLongThinPictureTakesNoMoreMemoryThanAnother() throws Exception {
    Manifest.Image large =
        new Manifest.Image(
            null, List.of(), null, 0, 0, new int[0], 0, new float[0], new float[0], 25_000_000);
    BufferedImage tall = new BufferedImage(1, 65_535, BufferedImage.TYPE_BYTE_GRAY);
    for (int y = 0; y < tall.getHeight(); y++) {
      tall.getRaster().setSample(0, y, 0, y * 255 / tall.getHeight());
    }
    BufferedImage taller = new BufferedImage(1, 65_536, BufferedImage.TYPE_BYTE_GRAY);
    BufferedImage wider = new BufferedImage(65_536, 1, BufferedImage.TYPE_BYTE_GRAY);

    float[] values = values(decoder(large, 1, 4, 30_000), png(tall));

    for (int row = 0; row < 4; row++) {
      assertThat(values[row * 30_000 + 7]).isCloseTo((row + .5f) / 4, within(.05f));
    }
    for (BufferedImage refused : List.of(taller, wider)) {
      assertThatThrownBy(() -> decoder(large, 1, 4, 4).decode(png(refused)))
          .isInstanceOf(InvalidRecordException.class)
          .hasMessageContaining("has a side of 65536 pixels, more than the limit of 65535");
    }
  }

  static Stream<Arguments> refused() throws IOException {
    byte[] good = png(noise(64, 64));
    byte[] photo = jpeg(noise(64, 64));
    byte[] wrongBit = good.clone();
    wrongBit[good.length / 2] ^= 1;
    byte[] huge = good.clone();
    ByteBuffer.wrap(huge).putInt(CHUNKS + 8, 100_000).putInt(CHUNKS + 12, 100_000);
    ByteBuffer.wrap(huge).putInt(SECOND_CHUNK - 4, crc(huge, CHUNKS + 4, SECOND_CHUNK - 4));
    BufferedImage deep = new BufferedImage(2, 2, BufferedImage.TYPE_USHORT_GRAY);
    return Stream.of(
        Arguments.of("a PNG cut short", Arrays.copyOf(good, good.length / 2), "it is truncated"),
        Arguments.of("a PNG without end", Arrays.copyOf(good, good.length - 12), "it is truncated"),
        Arguments.of("a flipped bit", wrongBit, "checksum"),
        Arguments.of("a JPEG cut short", Arrays.copyOf(photo, photo.length / 2), "truncated"),
        Arguments.of("a JPEG damaged in its middle", scratched(photo), "corrupt"),
        Arguments.of("a JPEG's first bytes", Arrays.copyOf(photo, 30), "damaged"),
        Arguments.of(
            "a JPEG bomb", photo(8, 65_500), "has 4290250000 pixels, more than the limit of 10000"),
        Arguments.of("a JPEG of 12 bits", photo(12, 64), "has 12 bits per channel"),
        Arguments.of(
            "a decompression bomb", huge, "has 10000000000 pixels, more than the limit of 10000"),
        Arguments.of("an animation", withChunk(good, "acTL", new byte[8]), "animated"),
        Arguments.of("16 bits", png(deep), "has 16 bits per channel"),
        Arguments.of("a GIF", "GIF89a......".getBytes(StandardCharsets.UTF_8), "neither PNG nor"),
        Arguments.of("text", "hello".getBytes(StandardCharsets.UTF_8), "neither PNG nor JPEG"),
        Arguments.of("one byte", new byte[1], "neither PNG nor JPEG"));
  }

  /** With a marker where none can be. */
  private static byte[] scratched(byte[] photo) {
    return ByteBuffer.wrap(photo.clone()).putShort(photo.length * 2 / 3, (short) 0xFFD3).array();
  }

  /** A photo whose frame says so of itself. */
  private static byte[] photo(int bits, int side) throws IOException {
    ByteBuffer photo = ByteBuffer.wrap(jpeg(noise(64, 64)));
    int frame = 0;
    while (photo.getShort(frame) != (short) 0xFFC0) {
      frame++;
    }
    return photo
        .put(frame + 4, (byte) bits)
        .putShort(frame + 5, (short) side)
        .putShort(frame + 7, (short) side)
        .array();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("refused")
  void refusesByNameWhatItCannotRead(String what, byte[] file, String cause) {
    ImageDecoder inJson = decoder(inJson("/id"), 1, 8, 8);
    String json = "{\"id\":\"r7\",\"image\":\"" + Base64.getEncoder().encodeToString(file) + "\"}";

    assertThatThrownBy(() -> decoder(plain(), 1, 8, 8).decode(file))
        .isInstanceOf(InvalidRecordException.class)
        .hasMessageContaining("value ")
        .hasMessageContaining(cause);
    assertThatThrownBy(() -> inJson.decode(json.getBytes(StandardCharsets.UTF_8)))
        .isInstanceOfSatisfying(
            InvalidRecordException.class,
            e -> {
              assertThat(e.field()).isEqualTo("/image");
              assertThat(e.recordId()).isEqualTo("r7");
            });
  }

  @Test
  void noDamageDoesWorseThanARefusal() throws Exception {
    ImageDecoder decoder = decoder(plain(), 1, 8, 8);
    Random random = new Random(11);
    for (byte[] file : List.of(png(noise(24, 24)), jpeg(noise(24, 24)))) {
      for (int i = 0; i < 500; i++) {
        byte[] damaged = Arrays.copyOf(file, 1 + random.nextInt(file.length));
        for (int k = 0; k < 3; k++) {
          damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
        }
        try {
          assertThat(values(decoder, damaged)).hasSize(64);
        } catch (InvalidRecordException e) {
          assertThat(e.field()).isEqualTo("value");
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"image\":\"%%%\"}", "{\"image\":\"iVBO\\nRw0K\"}"})
  void refusesWhatIsNotBase64(String json) {
    assertThatThrownBy(
            () -> decoder(inJson(null), 1, 8, 8).decode(json.getBytes(StandardCharsets.UTF_8)))
        .hasMessage("/image is not base64");
  }

  @Test
  void refusesNetworksThatTakeNoPicture() {
    assertThat(ImageDecoder.of(plain(), List.of(input(-1, 128)), problems)).isNull();
    assertThat(ImageDecoder.of(plain(), List.of(input(-1, 4, 8, 8)), problems)).isNull();
    assertThat(ImageDecoder.of(plain(), List.of(input(-1, 3, -1, -1)), problems)).isNull();
    assertThat(problems).hasSize(3);
    assertThat(problems.get(0)).contains("[N, channels, height, width]");
    assertThat(problems.get(1)).contains("1 or 3 channels");
    assertThat(problems.get(2)).contains("input.size").contains("[height, width]");
  }

  @Test
  void readsTheRealPicturesAsTheyAre() throws Exception {
    Path stream = Bundles.data("fashion").resolve("stream.jsonl");
    try (Stream<String> lines = Files.lines(stream)) {
      for (String line : lines.limit(50).toList()) {
        JsonNode record = Json.MAPPER.readTree(line);
        BufferedImage expected =
            ImageIO.read(new ByteArrayInputStream(record.path("image").binaryValue()));

        float[] values =
            values(decoder(inJson("/id"), 1, 28, 28), line.getBytes(StandardCharsets.UTF_8));

        for (int i = 0; i < values.length; i++) {
          assertThat(values[i]).isEqualTo(expected.getRaster().getSample(i % 28, i / 28, 0) / 255f);
        }
      }
    }
  }

  @Test
  void isTheSameEncodingWhateverDigitsTheMachineWrites() {
    Manifest.Image settings =
        new Manifest.Image(
            null, List.of(), null, 1, 0, new int[] {8, 8}, 256, new float[0], new float[0], 1000);
    String usual = settings.encoding();
    Locale locale = Locale.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag("fa-IR"));

      assertThat(settings.encoding()).as("part of the fingerprint").isEqualTo(usual);
    } finally {
      Locale.setDefault(locale);
    }
  }

  private static Manifest.Image plain() {
    return new Manifest.Image(
        null, List.of(), null, 0, 0, new int[0], 0, new float[0], new float[0], 10_000);
  }

  private static Manifest.Image inJson(@Nullable String id) {
    return new Manifest.Image(
        id, List.of(), "/image", 0, 0, new int[0], 0, new float[0], new float[0], 10_000);
  }

  private ImageDecoder decoder(Manifest.Image settings, long channels, long height, long width) {
    ImageDecoder decoder =
        ImageDecoder.of(settings, List.of(input(-1, channels, height, width)), problems);
    assertThat(problems).isEmpty();
    return decoder;
  }

  private static TensorInfo input(long... shape) {
    return new TensorInfo("image", ElementType.FLOAT, shape);
  }

  private static float[] values(ImageDecoder decoder, byte[] value) throws Exception {
    Decoded record = decoder.decode(value);
    FloatBuffer data = (FloatBuffer) decoder.batch(List.of(record)).get(0).data();
    float[] values = new float[data.remaining()];
    data.get(values);
    return values;
  }

  private static BufferedImage filled(int width, int height, Color colour, int type) {
    BufferedImage image = new BufferedImage(width, height, type);
    fill(image, colour, 0, width);
    return image;
  }

  /** Columns from top to bottom. */
  private static void fill(BufferedImage image, Color colour, int left, int columns) {
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(colour);
    graphics.fillRect(left, 0, columns, image.getHeight());
    graphics.dispose();
  }

  private static BufferedImage noise(int width, int height) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Random random = new Random(5);
    for (int i = 0; i < width * height; i++) {
      image.setRGB(i % width, i / width, random.nextInt(1 << 24));
    }
    return image;
  }

  private static byte[] png(BufferedImage image) throws IOException {
    return written(image, "png");
  }

  private static byte[] jpeg(BufferedImage image) throws IOException {
    return written(image, "jpeg");
  }

  private static byte[] written(BufferedImage image, String format) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertThat(ImageIO.write(image, format, out)).isTrue();
    return out.toByteArray();
  }

  private static byte[] withExif(byte[] png, int orientation) {
    return withChunk(png, "eXIf", exif(orientation));
  }

  /** The chunk right after the header. */
  private static byte[] withChunk(byte[] png, String type, byte[] data) {
    ByteBuffer out = ByteBuffer.allocate(png.length + data.length + 12);
    out.put(png, 0, SECOND_CHUNK).putInt(data.length);
    out.put(type.getBytes(StandardCharsets.US_ASCII)).put(data);
    out.putInt(crc(out.array(), SECOND_CHUNK + 4, SECOND_CHUNK + 8 + data.length));
    return out.put(png, SECOND_CHUNK, png.length - SECOND_CHUNK).array();
  }

  private static byte[] withExifSegment(byte[] jpeg, int orientation) {
    byte[] exif = exif(orientation);
    ByteBuffer data = ByteBuffer.allocate(exif.length + 6);
    data.put("Exif\0\0".getBytes(StandardCharsets.US_ASCII)).put(exif);
    return withSegment(jpeg, 0xFFE1, data.array());
  }

  /** Right after the start of the image. */
  private static byte[] withSegment(byte[] jpeg, int marker, byte[] data) {
    ByteBuffer out = ByteBuffer.allocate(jpeg.length + data.length + 4);
    out.put(jpeg, 0, 2).putShort((short) marker).putShort((short) (data.length + 2)).put(data);
    return out.put(jpeg, 2, jpeg.length - 2).array();
  }

  /** A TIFF structure with nothing but an orientation. */
  private static byte[] exif(int orientation) {
    ByteBuffer tiff = ByteBuffer.allocate(26);
    tiff.put((byte) 'M').put((byte) 'M').putShort((short) 42).putInt(8);
    tiff.putShort((short) 1).putShort((short) 0x0112).putShort((short) 3).putInt(1);
    return tiff.putShort((short) orientation).putShort((short) 0).putInt(0).array();
  }

  private static int crc(byte[] bytes, int from, int to) {
    CRC32 crc = new CRC32();
    crc.update(bytes, from, to - from);
    return (int) crc.getValue();
  }
}
