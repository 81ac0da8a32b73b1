import django.db.models.deletion
from django.db import migrations, models


# which state a row led to is told by its word; a failure that was not final left the payment unknown,
# so that of two the last one ended it
OUTCOMES = """
ALTER TABLE feedback_paymentresult ADD COLUMN outcome varchar(10);
COMMENT ON COLUMN feedback_paymentresult.outcome IS '明细由此进入的状态：PAID、FAILED、UNKNOWN、RETURNED';
UPDATE feedback_paymentresult AS result SET outcome = CASE
    WHEN result.result = 'SUCCESS' THEN 'PAID'
    WHEN result.result = 'RETURNED' THEN 'RETURNED'
    WHEN payment.state = 'FAILED' AND NOT EXISTS (SELECT FROM feedback_paymentresult AS later
        WHERE later.payment_id = result.payment_id AND later.result = 'FAILED'
          AND (later.applied_at, later.id) > (result.applied_at, result.id)) THEN 'FAILED'
    ELSE 'UNKNOWN' END
FROM payout_payment AS payment WHERE payment.id = result.payment_id;
ALTER TABLE feedback_paymentresult DROP CONSTRAINT feedback_paymentresult_pkey;
ALTER TABLE feedback_paymentresult RENAME COLUMN id TO file_row;
ALTER TABLE feedback_paymentresult ALTER COLUMN outcome SET NOT NULL,
    ADD CONSTRAINT feedback_paymentresult_pkey PRIMARY KEY (payment_id, outcome);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('feedback', '0008_a_row_of_a_file_is_a_key'),
        ('payout', '0004_a_state_changes_in_place'),
    ]

    operations = [
        migrations.RunSQL(OUTCOMES, migrations.RunSQL.noop, state_operations=[
            migrations.RenameField(
                model_name='paymentresult',
                old_name='id',
                new_name='file_row',
            ),
            migrations.AlterField(
                model_name='paymentresult',
                name='file_row',
                field=models.BigIntegerField(db_comment='结果文件编号×2^24＋文件内行号'),
            ),
            migrations.AddField(
                model_name='paymentresult',
                name='outcome',
                field=models.CharField(db_comment='明细由此进入的状态：PAID、FAILED、UNKNOWN、RETURNED', max_length=10),
            ),
            migrations.AddField(
                model_name='paymentresult',
                name='pk',
                field=models.CompositePrimaryKey('payment_id', 'outcome', blank=True, editable=False, primary_key=True, serialize=False),
            ),
        ]),
        # the key finds a payment's results
        migrations.AlterField(
            model_name='paymentresult',
            name='payment',
            field=models.ForeignKey(db_comment='代发明细', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='results', to='payout.payment'),
        ),
        migrations.RemoveConstraint(
            model_name='paymentresult',
            name='one_effect_per_bank_serial',
        ),
        migrations.AddConstraint(
            model_name='paymentresult',
            constraint=models.UniqueConstraint(fields=('bank_serial', 'bank_no', 'county'), name='one_effect_per_bank_serial'),
        ),
        migrations.AddConstraint(
            model_name='paymentresult',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'PAID'), ('result', 'SUCCESS')), models.Q(('outcome__in', ('FAILED', 'UNKNOWN')), ('result', 'FAILED')), models.Q(('outcome', 'RETURNED'), ('result', 'RETURNED')), _connector='OR'), name='a_result_leads_where_it_says'),
        ),
    ]
