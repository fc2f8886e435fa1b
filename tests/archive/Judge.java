import java.io.FileInputStream;
import java.util.TreeSet;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;

/** Judges PDF files by veraPDF: a line for each, its name and the clauses of ISO 19005-3 that it breaks. */
public class Judge {
    public static void main(String[] names) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        PDFAFlavour flavour = PDFAFlavour.PDFA_3_B;
        for (String name : names) {
            TreeSet<String> broken = new TreeSet<>();
            try (PDFAParser parser = Foundries.defaultInstance().createParser(new FileInputStream(name), flavour);
                    PDFAValidator judge = Foundries.defaultInstance().createValidator(flavour, 10, false, false, false)) {
                for (TestAssertion each : judge.validate(parser).getTestAssertions()) {
                    if (each.getStatus() == TestAssertion.Status.FAILED) {
                        broken.add(each.getRuleId().getClause() + "-" + each.getRuleId().getTestNumber());
                    }
                }
            }
            System.out.println(name + "\t" + String.join(" ", broken));
        }
    }
}
